package web

import "net/http"

// routes is the site map.
func (s *Server) routes() *http.ServeMux {
	m := http.NewServeMux()

	m.HandleFunc("GET /livez", s.live)
	m.HandleFunc("GET /readyz", s.ready)
	m.HandleFunc("GET /assets/{name}", s.asset)

	m.HandleFunc("GET /.well-known/change-password", s.changePassword)
	m.HandleFunc("GET /.well-known/passkey-endpoints", s.passkeyEndpoints)
	m.HandleFunc("GET /.well-known/security.txt", s.securityTxt)

	m.Handle("GET /{$}", s.page(s.home))
	m.Handle("GET /language", s.page(s.showLanguage))
	m.Handle("POST /language", s.page(s.postLanguage))

	m.Handle("GET /register", s.page(s.showRegister))
	m.Handle("POST /register", s.start(s.postRegister))
	m.Handle("GET /signin", s.page(s.showSignIn))
	m.Handle("POST /signin", s.start(s.postSignIn))
	m.Handle("POST /signin/passkey", s.page(s.postPasskey))
	m.Handle("GET /recover", s.page(s.showRecover))
	m.Handle("POST /recover", s.start(s.postRecover))

	m.Handle("GET /flow/{id}", s.page(s.getFlow))
	m.Handle("POST /flow/{id}/answer", s.page(s.postAnswer))
	m.Handle("POST /flow/{id}/again", s.page(s.postAgain))
	m.Handle("GET /flow/{id}/ways", s.page(s.getWays))
	m.Handle("POST /flow/{id}/ways", s.page(s.postWays))
	m.Handle("POST /flow/{id}/act", s.page(s.postAct))

	m.Handle("GET /flow/{id}/data", s.page(s.getFile))
	m.Handle("GET /flow/{id}/saved.txt", s.page(s.getSaved))
	m.Handle("POST /flow/{id}/saved", s.page(s.postSaved))

	m.Handle("GET /stop/{token}", s.page(s.getStop))
	m.Handle("POST /stop/{token}", s.page(s.postStop))

	m.Handle("GET /secure/{token}", s.page(s.getSecure))
	m.Handle("POST /secure/{token}", s.start(s.postSecure))

	m.Handle("GET /open/{token}", s.page(s.getOpen))
	m.Handle("POST /open/{token}", s.start(s.postOpen))

	m.Handle("GET /account", s.signedIn(s.getOverview))
	m.Handle("GET /account/profile", s.signedIn(s.getProfile))
	m.Handle("POST /account/profile", s.signedIn(s.begins(s.postProfile)))
	m.Handle("GET /account/ways", s.signedIn(s.getMyWays))
	m.Handle("POST /account/ways", s.signedIn(s.begins(s.postMyWays)))
	m.Handle("GET /account/check", s.signedIn(s.getCheck))
	m.Handle("POST /account/check", s.signedIn(s.begins(s.postCheck)))
	m.Handle("GET /account/password", s.signedIn(s.getPassword))
	m.Handle("POST /account/password", s.signedIn(s.begins(s.postPassword)))
	m.Handle("GET /account/devices", s.signedIn(s.getDevices))
	m.Handle("POST /account/devices", s.signedIn(s.postDevices))
	m.Handle("GET /account/activity", s.signedIn(s.getActivity))
	m.Handle("GET /account/data", s.signedIn(s.getData))
	m.Handle("POST /account/data", s.signedIn(s.begins(s.postData)))
	m.Handle("POST /signout", s.page(s.postSignOut))

	m.Handle("GET /api/v1/session", s.api(s.getSession))
	return m
}
