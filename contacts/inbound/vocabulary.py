"""The words: how people say stop, start and "leave me alone", in the languages of the people we meet.

Each is written as people write it and folded before it is compared (contacts.inbound.stop_words).
"""

#: A whole message that is one of these ends all consent.
STOP: dict[str, tuple[str, ...]] = {
    "en": (
        "STOP", "STOPALL", "STOP ALL", "QUIT", "END", "CANCEL", "REVOKE", "OPT OUT", "OPT-OUT", "OPTOUT", "UNSUBSCRIBE",
    ),
    "de": ("STOPP", "HALT", "ABMELDEN", "ABBESTELLEN", "KÜNDIGEN", "AUFHÖREN", "BEENDEN", "WIDERRUF", "WIDERRUFEN"),
    "fr": ("ARRÊT", "ARRÊTER", "ARRÊTEZ", "DÉSABONNER", "ME DÉSABONNER", "DÉSINSCRIRE", "DÉSINSCRIPTION", "RÉSILIER"),
    "it": ("FERMA", "FERMATI", "BASTA", "DISISCRIVIMI", "CANCELLAMI", "ANNULLA", "REVOCA", "DISDICI"),
    "nl": ("STOPPEN", "AFMELDEN", "UITSCHRIJVEN", "OPZEGGEN", "BEËINDIGEN"),
    "pl": ("ZATRZYMAJ", "PRZESTAŃ", "WYPISZ", "WYPISZ MNIE", "REZYGNUJĘ", "ANULUJ", "KONIEC"),
    "tr": ("DUR", "DURDUR", "İPTAL", "ABONELİKTEN ÇIK", "VAZGEÇ", "RET"),
    "es": ("BAJA", "DARSE DE BAJA", "DAR DE BAJA", "PARAR", "DETENER", "ALTO", "CANCELAR", "NO MÁS", "REVOCAR"),
    "pt": ("PARE", "PARAR", "SAIR", "CANCELAR", "DESCADASTRAR", "CANCELAR INSCRIÇÃO", "REVOGAR"),
    "hi": ("रोकें", "रोको", "बंद करें", "बंद करो", "बंद", "रद्द करें", "सदस्यता रद्द करें", "BAND KARO"),
    "ar": ("توقف", "أوقف", "إيقاف", "إلغاء", "إلغاء الاشتراك", "الغاء", "قف"),
    "id": ("BERHENTI", "STOP LANGGANAN", "BERHENTI BERLANGGANAN", "BATAL", "BATALKAN", "HENTIKAN"),
}  # fmt: skip

#: What stands behind a button whose label says it in other words; only what can mean nothing else.
STOP_PAYLOADS: tuple[str, ...] = ("STOP", "STOPALL", "STOP_ALL", "OPT_OUT", "OPTOUT", "UNSUBSCRIBE")

#: The labels of WhatsApp's own opt-out buttons, and their like: they name marketing only.
STOP_MARKETING: tuple[str, ...] = (
    "Stop promotions", "Stop marketing", "Stop offers", "No promotions", "Werbung stoppen", "Keine Werbung",
    "Arrêter les promotions", "Interrompi promozioni", "Promoties stoppen", "Zatrzymaj promocje",
    "Promosyonları durdur", "Detener promociones", "Parar promoções", "प्रचार बंद करें", "إيقاف العروض الترويجية",
    "Hentikan promosi",
)  # fmt: skip

#: A whole message that is one of these may be an opt-in: it opens a suggestion and grants nothing.
START: tuple[str, ...] = (
    "START", "UNSTOP", "SUBSCRIBE", "OPT IN", "OPT-IN", "OPTIN", "JOIN", "RESUBSCRIBE", "ANMELDEN", "ABONNER",
    "ISCRIVIMI", "AANMELDEN", "ZAPISZ", "BAŞLAT", "ABONE OL", "ALTA", "SUSCRIBIR", "COMENZAR", "INSCREVER",
    "शुरू करें", "शुरू", "ابدأ", "اشتراك", "MULAI", "LANGGANAN",
)  # fmt: skip

#: Phrases that, wherever they stand in a message, may mean that the person wants to be left alone.
LEAVE_ME_ALONE: tuple[str, ...] = (
    "take me off", "remove me", "remove my number", "delete my number", "delete my data", "unsubscribe me",
    "unsubscribe", "opt me out", "opt out", "please stop", "stop please", "stop messaging", "stop texting",
    "stop sending", "stop writing", "stop contacting", "stop bothering", "stop spamming", "stop all messages",
    "stop these messages", "stop this spam", "no more messages", "do not message me", "don't message me",
    "do not contact me", "don't contact me", "do not write to me", "don't write to me", "do not text me",
    "don't text me", "leave me alone", "wrong number", "never contact me", "i want to unsubscribe", "not interested",
    "keine nachrichten mehr", "keine weiteren nachrichten", "nicht mehr schreiben", "schreiben sie mir nicht",
    "schreibt mir nicht", "löschen sie meine nummer", "meine nummer löschen", "bitte abmelden", "melden sie mich ab",
    "aus dem verteiler", "bitte stopp", "bitte stop", "lassen sie mich in ruhe", "lasst mich in ruhe",
    "ne m'écrivez plus", "ne plus m'écrire", "ne me contactez plus", "plus de messages", "supprimez mon numéro",
    "retirez moi", "laissez moi tranquille", "stop svp", "arrêtez de m'écrire", "non scrivetemi più",
    "non mi scrivete più", "cancellate il mio numero", "toglietemi", "non contattatemi", "geen berichten meer",
    "schrijf me uit", "verwijder mijn nummer", "stuur me geen", "neem geen contact", "proszę przestać", "nie piszcie",
    "usuńcie mój numer", "proszę mnie wypisać", "proszę nie pisać", "beni listeden çıkar", "beni listeden çıkarın",
    "mesaj atmayın", "mesaj göndermeyin", "numaramı silin", "no me escriban", "no me escriba", "no me envíen",
    "dejen de escribir", "deje de escribir", "dejen de enviar", "borren mi número", "elimínenme", "quítenme",
    "denme de baja", "dame de baja", "darme de baja", "no molesten", "não me mande", "não me envie", "não quero mais",
    "parem de", "remova meu número", "me tire da lista", "me remova", "tire meu número", "संदेश मत भेजो",
    "मैसेज मत भेजो", "मैसेज मत करो", "मुझे मैसेज न करें", "मेरा नंबर हटा", "message mat karo", "لا ترسل",
    "لا تراسلني", "لا تراسلوني", "احذف رقمي", "احذفوا رقمي", "ألغ اشتراكي", "jangan kirim", "jangan hubungi",
    "hapus nomor saya", "tolong berhenti", "jangan ganggu",
)  # fmt: skip
