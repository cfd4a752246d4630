"""The engine: everything ANON Studio does, without a page. Does not: import gradio or ui."""
