"""The languages in which a code may be sent or read aloud (provider document: "Phone Numbers", parameter `language`).

The document wants two letters, Meta's own specification a locale; locales are offered, and both are accepted.
"""

import re

import phonenumbers
from django.utils.translation import gettext as _

from numbers.limits import Refused

DEFAULT = "en_US"
#: Every locale on offer, with its name in its own language.
LOCALES: dict[str, str] = {
    "af_ZA": "Afrikaans", "ar_AR": "العربية", "az_AZ": "Azərbaycanca", "bg_BG": "Български", "bn_BD": "বাংলা",
    "ca_ES": "Català", "cs_CZ": "Čeština", "da_DK": "Dansk", "de_DE": "Deutsch", "el_GR": "Ελληνικά",
    "en_GB": "English (UK)", "en_US": "English (US)", "es_AR": "Español (Argentina)", "es_ES": "Español (España)",
    "es_MX": "Español (México)", "et_EE": "Eesti", "fa_IR": "فارسی", "fi_FI": "Suomi", "fil_PH": "Filipino",
    "fr_FR": "Français", "gu_IN": "ગુજરાતી", "ha_NG": "Hausa", "he_IL": "עברית", "hi_IN": "हिन्दी", "hr_HR": "Hrvatski",
    "hu_HU": "Magyar", "id_ID": "Bahasa Indonesia", "it_IT": "Italiano", "ja_JP": "日本語", "ka_GE": "ქართული",
    "kk_KZ": "Қазақша", "kn_IN": "ಕನ್ನಡ", "ko_KR": "한국어", "lt_LT": "Lietuvių", "lv_LV": "Latviešu",
    "mk_MK": "Македонски", "ml_IN": "മലയാളം", "mr_IN": "मराठी", "ms_MY": "Bahasa Melayu", "nb_NO": "Norsk bokmål",
    "nl_NL": "Nederlands", "pa_IN": "ਪੰਜਾਬੀ", "pl_PL": "Polski", "pt_BR": "Português (Brasil)",
    "pt_PT": "Português (Portugal)", "ro_RO": "Română", "ru_RU": "Русский", "sk_SK": "Slovenčina",
    "sl_SI": "Slovenščina", "sq_AL": "Shqip", "sr_RS": "Српски", "sv_SE": "Svenska", "sw_KE": "Kiswahili",
    "ta_IN": "தமிழ்", "te_IN": "తెలుగు", "th_TH": "ไทย", "tr_TR": "Türkçe", "uk_UA": "Українська", "ur_PK": "اردو",
    "uz_UZ": "Oʻzbekcha", "vi_VN": "Tiếng Việt", "zh_CN": "简体中文", "zh_HK": "繁體中文 (香港)",
    "zh_TW": "繁體中文 (台灣)", "zu_ZA": "isiZulu",
}  # fmt: skip
_LETTERS = frozenset(locale.partition("_")[0] for locale in LOCALES)
_WRITTEN = re.compile(r"([A-Za-z]{2,3})(?:[_-]([A-Za-z]{2}))?", re.ASCII)
#: Where people of a region speak a language that its locale does not name by the region.
_REGIONS = {
    "ar_AR": "AE BH DZ EG IQ JO KW LB LY MA OM PS QA SA SD SY TN YE",
    "de_DE": "AT CH LI LU",
    "en_GB": "AU GH IE IM JE MT NG NZ ZA KE UG TZ SG",
    "en_US": "CA",
    "es_AR": "UY PY",
    "es_MX": "BO CL CO CR CU DO EC GT HN NI PA PE PR SV VE",
    "fr_FR": "BE BF BJ CD CG CI CM GA GN MC ML NE RE SN TG",
    "it_IT": "SM VA",
    "nb_NO": "SJ",
    "nl_NL": "SR",
    "pt_PT": "AO MZ",
    "ro_RO": "MD",
    "ru_RU": "BY KG",
    "hi_IN": "IN",
    "zh_HK": "MO",
}
_BY_REGION = (
    {locale.partition("_")[2]: locale for locale in LOCALES if locale not in ("ca_ES", "ha_NG")}
    | {region: locale for locale, regions in _REGIONS.items() for region in regions.split()}
    | {"ES": "es_ES", "US": "en_US", "GB": "en_GB", "BR": "pt_BR"}
)


def read_language(text: str) -> str:
    """Read a locale of the list, as `en_US`, or the two letters of one of its languages.

    :raises Refused: naming the rule.
    """
    written = _WRITTEN.fullmatch(text.strip())
    if written is not None:
        letters, region = written[1].lower(), (written[2] or "").upper()
        locale = f"{letters}_{region}" if region else letters
        if locale in LOCALES or locale in _LETTERS:
            return locale
    shown = text if len(text) <= 20 else text[:20] + "…"
    raise Refused(
        _("“%(text)s” is not a language that Meta sends codes in. Write one of the list, as en_US.") % {"text": shown}
    )


def default_language(e164: str) -> str:
    """Give the locale that whoever answers this number most likely speaks; American English where nobody knows."""
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return DEFAULT
    return _BY_REGION.get(region or "", DEFAULT)
