"""What columns are called: in English, Spanish, French, Portuguese, Arabic, and by HXL hashtags."""

from __future__ import annotations

import re
import unicodedata


def _listed(names: str) -> tuple[str, ...]:
    return tuple(" ".join(name.split()) for name in names.split(","))


# In order of preference: the first name found wins.
TEXT = _listed(
    """
    full text, tweet text, text, message text, message, msg, sms, tweet, post, content, body,
    body text, raw text, comment, report, narrative, description, excerpt, document, texto,
    texto completo, mensaje, mensagem, contenido, conteudo, cuerpo, corpo, descripcion,
    descricao, comentario, relato, texte, contenu, corps, commentaire, النص, نص, الرسالة,
    رسالة, المحتوى, محتوى, الوصف, activity, need, summary
    """
)
TITLE = _listed(
    """
    title, headline, subject, titulo, asunto, assunto, titre, objet, العنوان, عنوان
    """
)
DATE = _listed(
    """
    date, datetime, time, timestamp, created at, created, published, published at, pubdate,
    post date, sent, fecha, hora, data, heure, jour, dia, day, التاريخ, تاريخ, الوقت, وقت
    """
)
PLACE = _listed(
    """
    place, location, country, city, town, village, region, province, state, district, county,
    department, address, area, adm1, adm2, adm3, adm4, adm5, admin1, admin2, loc, geo,
    latitude, longitude, lat, lon, lng, lugar, pais, ciudad, municipio, provincia, ubicacion,
    localizacao, cidade, local, lieu, pays, ville, departement, commune, المكان, مكان, البلد,
    بلد, المدينة, الموقع, المنطقة, المحافظة
    """
)
IDENTIFIER = _listed(
    """
    id, tweet id, message id, post id, document id, doc id, report id, id str, tweetid, status
    id, identifier, identificador, identifiant, uuid, guid, ref, reference, key, n, no, num,
    number, nr, numero, row, index, رقم, الرقم, معرف, المعرف, meta
    """
)
LANGUAGE = _listed(
    """
    language, lang, idioma, lengua, langue, lingua, اللغة, لغة
    """
)
LABEL = _listed(
    """
    label, labels, class, class label, category, categories, annotation, annotations, gold,
    gold label, target, y, truth, predicted label, prediction, code, tag, information type,
    information source, informativeness, humanitarian category, event type, hazard type,
    etiqueta, etiquetas, categoria, clase, classe, rotulo, anotacion, anotacao, etiquette,
    categorie, التصنيف, تصنيف, الفئة, فئة
    """
)
# Small columns that describe where a document comes from: kept beside it, never taken for labels.
BESIDE = _listed(
    """
    kind, type, source, genre, channel, platform, medium, network, split, event, crisis, user,
    author, from, username, user name, screen name, sender, name, keyword, file, filename,
    url, link, status, retweets, likes, tipo, fuente, fonte, canal, autor, usuario, evento,
    auteur, evenement, النوع, نوع, المصدر, مصدر
    """
)
HXL = frozenset(
    _listed(
        """
        access, activity, adm1, adm2, adm3, adm4, adm5, affected, beneficiary, capacity, cause,
        channel, contact, country, crisis, currency, date, delivery, description, event, frequency,
        geo, group, impact, indicator, inneed, item, loc, meta, modality, need, operations, org,
        output, population, reached, region, respondee, sector, service, severity, status,
        subsector, targeted, value
        """
    )
)

KNOWN = frozenset((*TEXT, *TITLE, *DATE, *PLACE, *IDENTIFIER, *LANGUAGE, *LABEL, *BESIDE))


def plain_name(name: str) -> str:
    """A column name for comparing: lower case, no accents, `_ - .` as spaces, CamelCase parted.

    Of an HXL tag (`#date+reported`) only the hashtag is kept.
    """
    name = name.strip()
    if is_tag(name):
        return name[1:].split("+")[0].strip().lower()
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    name = "".join(
        c for c in unicodedata.normalize("NFKD", name.casefold()) if not ("\u0300" <= c <= "\u036f")
    )
    return re.sub(r"[\s_\-./:]+", " ", name).strip(" #'\"")


def rank(name: str, known: tuple[str, ...]) -> int | None:
    """Place of `name` (or of its last dotted part) in a list of known names; or None."""
    whole = plain_name(name)
    if whole in known:
        return known.index(whole)
    last = plain_name(name.rsplit(".", 1)[-1])
    return known.index(last) if "." in name and last in known else None


def is_tag(cell: str) -> bool:
    """Whether a cell is an HXL hashtag such as `#adm2+name`, of the standard's own list."""
    match = re.fullmatch(
        r"#\s*([a-z][a-z0-9_]*)(\s*\+\s*[a-z][a-z0-9_]*)*", cell.strip(), re.IGNORECASE
    )
    return bool(match) and match[1].lower() in HXL
