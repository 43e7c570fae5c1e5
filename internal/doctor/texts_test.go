package doctor_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sparekey/internal/config"
	"sparekey/internal/doctor"
)

// Where text messages go somebody listens, or the doctor says that nobody does.
// It sends none, prints no secret, and says nothing where there are none.
func TestDoctorTexts(t *testing.T) {
	gateway := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was called") }))
	defer gateway.Close()
	at := gateway.Listener.Addr().String()
	look := func(raw, secret string) doctor.Report {
		s := nowhere(t)
		s.SMS, s.SMSSecret, s.SMSCountries = config.Secret(raw), config.Phrase(secret), "PT,ES"
		r := doctor.Look(background, doctor.Options{Settings: s, Dial: leads(map[string]string{"8443": at, "443": at, "9": "127.0.0.1:1"})})
		if out := text(t, r); strings.Contains(out, "sesame") || !r.Serves() {
			t.Errorf("%s: got %s\nwant no secret, and that Sparekey serves", raw, out)
		}
		return r
	}
	const secret = "open-sesame-open-sesame"
	finds(t, look("http://"+at+"/open-sesame", secret), "ok texts: somebody listens at "+at+"; they go to numbers of PT,ES")
	finds(t, look("https://sms.lantern.shop/send?key=open-sesame", secret), "ok texts: sms.lantern.shop:443")
	finds(t, look("twilio://AC1:open-sesame@sms.lantern.shop:8443/Lantern", ""), "ok texts: sms.lantern.shop:8443")
	finds(t, look("https://sms.lantern.shop:9/send", secret), "warning texts: sms.lantern.shop:9 is not reached")
	if out := text(t, doctor.Look(background, doctor.Options{Settings: nowhere(t)})); strings.Contains(out, "texts") {
		t.Errorf("got %s\nwant no word on text messages where there are none", out)
	}
}
