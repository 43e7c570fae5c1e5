package ident

import "strings"

// reserved are names that people take for the site itself, and those of the
// mailboxes of RFC 2142.
const reserved = ` abuse account accounts admin administrator administration anonymous api app billing
 contact daemon everyone ftp guest help helpdesk hostmaster info legal list login mail mailer-daemon
 marketing me moderator news no-reply nobody noc noreply null official operator owner postmaster
 privacy register root sales security service signin signup site spam staff status support sysadmin
 system team test undefined usenet user uucp web webmaster www you `

// Reserved reports whether a login name, in its normal form, is kept from
// people because others would take them for the site.
func Reserved(key string) bool {
	for _, name := range strings.Fields(reserved) {
		if key == name {
			return true
		}
	}
	return false
}
