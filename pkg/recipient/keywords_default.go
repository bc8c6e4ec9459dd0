package recipient

// OutWords are the opt-out words by language, where the settings give none.
func OutWords() map[string][]string {
	return map[string][]string{
		"ar": {"إيقاف", "توقف", "إلغاء", "إلغاء الاشتراك"},
		"de": {"stopp", "abmelden", "abbestellen", "austragen", "keine werbung"},
		"en": {"stop", "stop all", "stopall", "unsubscribe", "opt out", "optout", "stop promotions", "no promotions", "remove me"},
		"es": {"baja", "parar", "darme de baja", "dar de baja", "cancelar suscripción", "detener promociones", "no quiero promociones", "no más mensajes"},
		"fr": {"arrêt", "arrêter", "désabonner", "désinscrire", "me désinscrire", "se désabonner", "arrêter les promotions"},
		"hi": {"रोकें", "बंद करें", "बंद करो"},
		"id": {"berhenti", "berhenti berlangganan", "hentikan promosi"},
		"it": {"ferma", "fermare", "disiscrivimi", "disiscriviti", "annulla iscrizione", "cancellami", "interrompi promozioni"},
		"ja": {"停止", "配信停止"},
		"nl": {"afmelden", "uitschrijven", "stop promoties"},
		"pl": {"wypisz", "wypisz mnie", "rezygnuję"},
		"pt": {"pare", "sair", "descadastrar", "cancelar inscrição", "remover", "parar promoções", "não quero promoções"},
		"ru": {"стоп", "отписаться", "отписка"},
		"tr": {"dur", "durdur", "iptal", "abonelikten çık", "ret"},
		"zh": {"停止", "退订", "退訂", "取消订阅", "取消訂閱"},
	}
}

// InWords are the opt-in words by language, where the settings give none.
func InWords() map[string][]string {
	return map[string][]string{
		"ar": {"ابدأ", "اشتراك"},
		"de": {"starten", "anmelden"},
		"en": {"start", "unstop", "subscribe", "opt in", "optin", "resume"},
		"es": {"alta", "suscribir", "suscribirme", "reanudar"},
		"fr": {"démarrer", "s'abonner", "m'abonner", "reprendre"},
		"hi": {"शुरू करें"},
		"id": {"mulai", "berlangganan"},
		"it": {"iscrivimi", "riprendi", "avvia"},
		"ja": {"再開", "配信再開"},
		"nl": {"aanmelden", "hervatten"},
		"pl": {"zapisz mnie", "wznów"},
		"pt": {"voltar", "inscrever", "quero receber", "retomar"},
		"ru": {"старт", "подписаться"},
		"tr": {"başlat", "abone ol"},
		"zh": {"开始", "開始", "订阅", "訂閱"},
	}
}
