package recipient

import "strings"

// InUS reports whether a number, with or without +, has an area code of the United
// States, where no marketing template is delivered to (Cloud API fact sheet 3.5).
// Canada, the Caribbean and the territories, which share the country code, are not
// meant, nor are codes of no country, such as toll-free ones.
//
// The codes are those of the North American Numbering Plan in service or announced in
// 2025. One that is assigned later counts as the United States', as most are.
func InUS(number string) bool {
	number = strings.TrimPrefix(number, "+")
	if len(number) != 11 || number[0] != '1' || number[1] < '2' {
		return false
	}
	return !elsewhere(number[1:4])
}

// elsewhere reports whether an area code is not one of the 50 states or DC.
func elsewhere(code string) bool {
	switch code {
	case "204", "226", "236", "249", "250", "257", "263", "289", "306", "343", "354", "365", "367", "368",
		"382", "387", "403", "416", "418", "428", "431", "437", "438", "450", "460", "468", "474", "506",
		"514", "519", "548", "579", "581", "584", "587", "604", "613", "639", "647", "672", "683", "705",
		"709", "742", "753", "778", "780", "782", "807", "819", "825", "867", "873", "879", "902", "905", "942",
		"600", "622", "633", "644", "655", "677", "688":
		return true // Canada
	case "242", "246", "264", "268", "284", "345", "441", "473", "649", "658", "664", "721", "758", "767",
		"784", "809", "829", "849", "868", "869", "876":
		return true // the Caribbean and Bermuda
	case "340", "670", "671", "684", "787", "939":
		return true // territories: Virgin Islands, Northern Marianas, Guam, Samoa, Puerto Rico
	case "500", "521", "522", "523", "524", "525", "526", "527", "528", "529", "532", "533", "535", "538",
		"542", "543", "544", "545", "546", "547", "549", "550", "552", "553", "554", "556", "566", "569",
		"577", "578", "588", "589", "700", "710", "800", "833", "844", "855", "866", "877", "888", "900":
		return true // of no country
	}
	return false
}
