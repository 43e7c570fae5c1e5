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
	m.Handle("GET /signin/qr", s.page(s.showScreen))
	m.Handle("POST /signin/screen", s.page(s.postScreen))
	m.Handle("GET /signin/done", s.page(s.showArrival))
	m.Handle("GET /recover", s.page(s.showRecover))
	m.Handle("POST /recover", s.start(s.postRecover))

	m.Handle("GET /flow/{id}", s.page(s.getFlow))
	m.Handle("POST /flow/{id}/answer", s.page(s.postAnswer))
	m.Handle("POST /flow/{id}/again", s.page(s.postAgain))
	m.Handle("GET /flow/{id}/ways", s.page(s.getWays))
	m.Handle("POST /flow/{id}/ways", s.page(s.postWays))
	m.Handle("POST /flow/{id}/act", s.page(s.postAct))
	m.Handle("POST /flow/{id}/screen", s.page(s.postScreen))

	m.Handle("GET /flow/{id}/data", s.page(s.getFile))
	m.Handle("GET /flow/{id}/saved.txt", s.page(s.getSaved))
	m.Handle("POST /flow/{id}/saved", s.page(s.postSaved))

	m.Handle("GET /app", s.page(s.getApp))
	m.Handle("GET /app/offline", s.page(s.getOffline))
	m.HandleFunc("GET /app/{name}", s.appFile)
	m.Handle("GET /q/{id}", s.page(s.getSeen))

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

	for _, o := range s.operations() {
		m.Handle(o.Pattern, s.serves(o))
	}
	return m
}

// operations is the site map for programs.
func (s *Server) operations() []Operation {
	flow, begun, signedIn := Gives{200: flowView{}}, Gives{201: flowView{}}, Gives{200: sessionView{}, 201: flowView{}}
	return []Operation{
		{Pattern: "POST /api/v1/register", Says: "Begin a registration", Takes: registerBody{}, Gives: begun, Starts: true, handler: s.postRegister},
		{Pattern: "POST /api/v1/recover", Says: "Begin a recovery", Takes: recoverBody{}, Gives: begun, Starts: true, handler: s.postRecover},
		{Pattern: "POST /api/v1/signin", Says: "Sign in, to a session or to a flow for a second proof", Takes: signInBody{}, Gives: signedIn, Starts: true, handler: s.postSignIn},
		{Pattern: "POST /api/v1/signin/question", Says: "What to ask the browser's passkeys", Takes: keyBody{}, Gives: Gives{200: questionView{}}, handler: s.postPasskey},
		{Pattern: "POST /api/v1/signin/passkey", Says: "Sign in with a passkey", Takes: passkeyBody{}, Gives: signedIn, Starts: true, handler: s.postSignIn},

		{Pattern: "POST /api/v1/signin/screen", Says: "What to show for an app to scan", Takes: keyBody{}, Gives: Gives{200: screenView{}}, handler: s.postNewScreen},
		{Pattern: "POST /api/v1/signin/screen/state", Says: "How the screen of a sign-in stands, which an app is to approve", Takes: screenBody{}, Gives: Gives{200: screenState{}}, handler: s.postScreen},
		{Pattern: "POST /api/v1/signin/app", Says: "Sign in where an app has approved it", Takes: appSignInBody{}, Gives: signedIn, Starts: true, handler: s.postSignIn},

		{Pattern: "POST /api/v1/app/question", Says: "What a paired app signs to be told about its account", Takes: keyBody{}, Gives: Gives{200: appQuestionView{}}, handler: s.postAppQuestion},
		{Pattern: "POST /api/v1/app/home", Says: "What the app tells its owner", Takes: appHomeBody{}, Gives: Gives{200: appHomeView{}}, handler: s.postAppHome},
		{Pattern: "POST /api/v1/app/push", Says: "Have the app told what happens, or no more", Takes: appPushBody{}, Gives: Gives{204: nil}, Starts: true, handler: s.postAppPush},
		{Pattern: "POST /api/v1/app/scan", Says: "Say which code of a screen the app has seen", Takes: appScanBody{}, Gives: Gives{201: appRequestView{}}, Starts: true, handler: s.postAppScan},
		{Pattern: "GET /api/v1/app/requests/{id}", Says: "What the app is asked", Gives: Gives{200: appRequestView{}}, handler: s.getAppRequest},
		{Pattern: "POST /api/v1/app/requests/{id}", Says: "Approve or decline it", Takes: appAnswerBody{}, Gives: Gives{200: appRequestView{}}, handler: s.postAppAnswer},

		{Pattern: "GET /api/v1/flows/{id}", Says: "Where a flow stands", Gives: flow, handler: s.getFlow},
		{Pattern: "POST /api/v1/flows/{id}/answer", Says: "Answer the open challenge", Takes: answerBody{}, Gives: flow, handler: s.postAnswer},
		{Pattern: "POST /api/v1/flows/{id}/screen", Says: "What to show for an app to scan, once it is the way", Takes: keyBody{}, Gives: Gives{200: screenView{}}, handler: s.postNewScreen},
		{Pattern: "POST /api/v1/flows/{id}/screen/state", Says: "How the screen of a flow stands, which an app is to approve", Takes: screenBody{}, Gives: Gives{200: screenState{}}, handler: s.postScreen},
		{Pattern: "POST /api/v1/flows/{id}/again", Says: "Have the code sent again", Takes: againBody{}, Gives: flow, handler: s.postAgain},
		{Pattern: "GET /api/v1/flows/{id}/ways", Says: "The ways to verify", Gives: flow, handler: s.getWays},
		{Pattern: "POST /api/v1/flows/{id}/ways", Says: "Go on with another way", Takes: chooseBody{}, Gives: flow, handler: s.postWays},
		{Pattern: "POST /api/v1/flows/{id}/act", Says: "Do what the flow is for", Takes: actBody{}, Gives: flow, handler: s.postAct},
		{Pattern: "POST /api/v1/flows/{id}/saved", Says: "Say that the saved code is kept", Takes: savedBody{}, Gives: flow, handler: s.postSaved},
		{Pattern: "GET /api/v1/flows/{id}/data", Says: "The data of an account, in the end of its export", Gives: Gives{200: map[string]any{}}, handler: s.getFile},

		{Pattern: "GET /api/v1/session", Says: "Who is signed in", Gives: Gives{200: sessionView{}}, Session: true, light: true, handler: s.getSession},
		{Pattern: "DELETE /api/v1/session", Says: "Sign out", Gives: Gives{204: nil}, handler: s.postSignOut},
		{Pattern: "GET /api/v1/sessions", Says: "Where the account is signed in", Gives: Gives{200: sessionsView{}}, Session: true, handler: s.getDevices},
		{Pattern: "DELETE /api/v1/sessions", Says: "Sign all others out", Gives: Gives{200: sessionsView{}}, Session: true, handler: s.dropOthers},
		{Pattern: "DELETE /api/v1/sessions/{id}", Says: "Sign one out (204: it was the one that asked)", Gives: Gives{200: sessionsView{}, 204: nil}, Session: true, handler: s.dropSession},

		{Pattern: "GET /api/v1/ways", Says: "What the account can verify with", Gives: Gives{200: myWaysView{}}, Session: true, handler: s.getMyWays},
		{Pattern: "POST /api/v1/ways", Says: "Begin a change of the ways", Takes: changeBody{}, Gives: begun, Session: true, Starts: true, handler: s.postMyWays},
		{Pattern: "GET /api/v1/check", Says: "What would be left after each loss", Gives: Gives{200: checkView{}}, Session: true, handler: s.getCheck},
		{Pattern: "POST /api/v1/check", Says: "Begin a rehearsal of a recovery", Takes: keyBody{}, Gives: begun, Session: true, Starts: true, handler: s.postCheck},
		{Pattern: "POST /api/v1/password", Says: "Begin the change of the password", Takes: keyBody{}, Gives: begun, Session: true, Starts: true, handler: s.postPassword},
		{Pattern: "GET /api/v1/profile", Says: "How the person is addressed and signs in", Gives: Gives{200: profileView{}}, Session: true, handler: s.getProfile},
		{Pattern: "POST /api/v1/profile", Says: "Change the name and the language", Takes: profileBody{}, Gives: Gives{200: profileView{}}, Session: true, Starts: true, handler: s.postProfile},
		{Pattern: "POST /api/v1/login", Says: "Begin the choice of a login name", Takes: loginBody{}, Gives: begun, Session: true, Starts: true, handler: s.postProfile},
		{Pattern: "GET /api/v1/activity", Says: "What happened to the account in 90 days", Gives: Gives{200: activityView{}}, Session: true, handler: s.getActivity},
		{Pattern: "POST /api/v1/account/export", Says: "Begin to let the account's data out", Takes: keyBody{}, Gives: begun, Session: true, Starts: true, handler: s.exports},
		{Pattern: "POST /api/v1/account/delete", Says: "Begin the deletion of the account", Takes: keyBody{}, Gives: begun, Session: true, Starts: true, handler: s.deletes},

		{Pattern: "GET /api/v1/openapi.json", Says: "This document", Gives: Gives{200: map[string]any{}}, light: true, handler: s.getOpenAPI},
	}
}
