package outbox

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// A twilio is Twilio, or a provider that has taken over its interface.
type twilio struct {
	gateway
	url            string
	account, token string
	from           string // a number or a name
	service        string // a messaging service, which chooses the number; in the place of from
}

// newTwilio reads twilio://ACCOUNT:TOKEN@HOST/FROM.
func newTwilio(u *url.URL) (TextSender, error) {
	token, _ := u.User.Password()
	account, from := u.User.Username(), strings.TrimPrefix(u.Path, "/")
	if account == "" || token == "" || from == "" || strings.Contains(from, "/") || u.RawQuery != "" {
		return nil, errors.New("SPAREKEY_SMS: needs twilio://ACCOUNT:TOKEN@HOST/FROM, for example twilio://AC…:…@api.twilio.com/+15005550006")
	}
	t := &twilio{
		gateway: newGateway(false), account: account, token: token, from: from,
		url: "https://" + u.Host + "/2010-04-01/Accounts/" + url.PathEscape(account) + "/Messages.json",
	}
	if strings.HasPrefix(from, "MG") && len(from) == len("MG")+32 { // the id of a service, and no name that begins so
		t.from, t.service = "", from
	}
	return t, nil
}

// SendText posts the text as a form. Twilio knows no key that makes a second
// hand-over the same as the first: after a broken connection a text may come
// twice, with the same code in it.
func (w *twilio) SendText(ctx context.Context, t Text) error {
	if err := checkText(t); err != nil {
		return err
	}
	form := url.Values{"To": {t.To}, "Body": {t.Body}}
	if w.service != "" {
		form.Set("MessagingServiceSid", w.service)
	} else {
		form.Set("From", w.from)
	}
	return w.post(ctx, w.url, form.Encode(), func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(w.account, w.token)
	})
}
