package web

import (
	"encoding/json"
	"time"

	"sparekey"
)

// What programs are told: of each page what it says, and nothing else. A new
// fact belongs into the page first.

// A flowView is where a flow stands. At the step verify it has a challenge, or
// the ways to choose from; at the step act one of password, confirm, enrol and
// passkey.
type flowView struct {
	ID        string           `json:"id"`
	Purpose   sparekey.Purpose `json:"purpose"`
	Step      sparekey.Step    `json:"step" enum:"verify,act,done"`
	Expires   time.Time        `json:"expires,omitzero" doc:"When it ends by itself. Some steps end sooner."`
	Typed     *typedView       `json:"typed,omitempty" doc:"What the flow began with."`
	Challenge *challengeView   `json:"challenge,omitempty" doc:"The question that is open."`
	Ways      *choiceView      `json:"ways,omitempty" doc:"The ways to choose from."`
	OtherWays string           `json:"other_ways,omitempty" doc:"Where the other ways are."`
	Password  *passwordView    `json:"password,omitempty" doc:"A new password is wanted."`
	Confirm   *confirmView     `json:"confirm,omitempty" doc:"What will happen is to be confirmed."`
	Enrol     *enrolView       `json:"enrol,omitempty" doc:"An authenticator app is added: a code of it is wanted."`
	Passkey   *makingView      `json:"passkey,omitempty" doc:"A passkey is added: what the browser makes is wanted."`
	Pair      *pairView        `json:"app,omitempty" doc:"An app is paired: its public key is wanted."`
	Saved     string           `json:"saved_code,omitempty" doc:"A new saved code, until it is said to be kept: nothing else is told before."`
	Done      *doneView        `json:"done,omitempty"`
	Note      *noteView        `json:"note,omitempty"`
}

// A noteView is what a page says beside itself: that a message was sent, that it
// is too early for another.
type noteView struct {
	Code string `json:"code" doc:"The id of the sentence."`
	Text string `json:"text" doc:"The sentence, in the person's language."`
}

type typedView struct {
	Kind  string `json:"kind" doc:"email or login; session for the account's own address; notice where nothing was typed."`
	Value string `json:"value"`
}

type challengeView struct {
	ID       string           `json:"id"`
	Way      sparekey.WayKind `json:"way" doc:"mail, text, saved, totp, passkey, app, or new for the code to what is added."`
	To       string           `json:"to,omitempty" doc:"What is added."`
	AskedAt  time.Time        `json:"asked_at,omitzero" doc:"When the flow began."`
	NextSend time.Time        `json:"next_send,omitzero" doc:"When the code can be sent again. Not there if it will not be."`
	Sends    *int             `json:"sends_left,omitempty" doc:"How often the code can still be sent again."`
	Options  json.RawMessage  `json:"options,omitempty" doc:"For navigator.credentials.get, in its JSON."`
	Screen   string           `json:"screen,omitempty" doc:"Where there is what an app is to scan."`
}

// A questionView is what a sign-in page asks a browser for.
type questionView struct {
	Challenge string          `json:"challenge" doc:"To be sent with the answer."`
	Options   json.RawMessage `json:"options" doc:"For navigator.credentials.get, in its JSON."`
}

// A screenView is what a page shows for a phone to scan.
type screenView struct {
	Screen  string    `json:"screen" doc:"Names it in what is asked about it. Only the browser that was given it can use it."`
	Address string    `json:"address" doc:"To be drawn as a QR code."`
	Path    string    `json:"path" doc:"That drawing, as the path of an SVG that is stroked one wide."`
	Size    int       `json:"size" doc:"How wide and high the drawing is."`
	Code    string    `json:"code" doc:"To be typed where nothing can scan."`
	Until   time.Time `json:"until" doc:"So long it can be scanned. Ask for the flow again to have another."`
}

type screenState struct {
	State sparekey.ScreenState `json:"state" enum:"waiting,scanned,approved,declined,expired"`
}

type appQuestionView struct {
	Question string `json:"question" doc:"To be sent with the signature."`
	Sign     string `json:"sign" doc:"What is to be signed."`
}

type appHomeView struct {
	Name     string            `json:"name" doc:"Of the phone."`
	Email    string            `json:"email" doc:"Of the account."`
	Happened []appHappenedView `json:"happened" nullable:"false" doc:"The newest first."`
	Push     string            `json:"push_key,omitempty" doc:"The key for PushManager.subscribe. Not there: phones are not told."`
	Told     bool              `json:"told" doc:"The phone is told what happens."`
}

type appHappenedView struct {
	At   time.Time `json:"at"`
	Text string    `json:"text" doc:"In the person's language."`
}

// An appRequestView is what an app is asked. Before a screen has said that it shows
// the code, there is nothing to ask.
type appRequestView struct {
	ID      string                 `json:"id"`
	State   sparekey.ApprovalState `json:"state" enum:"scanned,asked,approved,declined"`
	Flow    string                 `json:"flow,omitempty"`
	Purpose sparekey.Purpose       `json:"purpose,omitempty"`
	Browser string                 `json:"browser,omitempty" doc:"From a closed list, in English."`
	Shown   string                 `json:"browser_shown,omitempty" doc:"The same in the person's language."`
	Address string                 `json:"address,omitempty"`
	Network string                 `json:"network,omitempty" enum:"same,another" doc:"Whether the screen is in the network of the app."`
	Asked   int64                  `json:"asked,omitempty" doc:"When the screen said that it shows the code, in seconds since 1970."`
}

type makingView struct {
	Options json.RawMessage `json:"options" doc:"For navigator.credentials.create, in its JSON."`
}

type pairView struct {
	Sign string `json:"sign" doc:"What is to be signed."`
}

type choiceView struct {
	List []wayView `json:"list" nullable:"false"`
	Own  bool      `json:"own" doc:"These are the account's own ways. Else they are the same for everybody."`
	More bool      `json:"more" doc:"Something was proved already, and is not enough."`
	Open bool      `json:"open" doc:"A challenge is open: one can go back to it."`
}

type wayView struct {
	Way   sparekey.WayKind `json:"way"`
	Place string           `json:"place,omitempty" doc:"Tells ways of one kind apart."`
	To    string           `json:"to,omitempty" doc:"Where the code would go, most of it hidden."`
}

type passwordView struct {
	Username string `json:"username" doc:"For password managers."`
	Min      int    `json:"min" doc:"So many characters it must have."`
}

type confirmView struct {
	Login string     `json:"login,omitempty" doc:"The login name that was chosen."`
	Erase time.Time  `json:"erase_at,omitzero" doc:"When the account will be erased."`
	Two   *bool      `json:"two_proofs,omitempty" doc:"Whether two proofs will be asked for."`
	Way   *myWayView `json:"way,omitempty" doc:"The way that is dropped or kept."`
}

type enrolView struct {
	Seed    string `json:"seed" doc:"To be typed into the app, in base 32."`
	Address string `json:"address" doc:"To be drawn as a QR code."`
	Two     bool   `json:"two_proofs" doc:"The account asks for two proofs already. Else it will."`
}

type doneView struct {
	SignedIn bool      `json:"signed_in" doc:"There is a session."`
	Same     bool      `json:"same" doc:"Nothing was changed: the current password was given."`
	Others   int       `json:"others" doc:"Other sessions that ended."`
	Login    string    `json:"login,omitempty" doc:"To sign in with."`
	Erase    time.Time `json:"erase_at,omitzero" doc:"When the account will be erased."`
	Data     string    `json:"data,omitempty" doc:"Where the account's data is."`
	Next     string    `json:"next,omitempty" doc:"Where the pages lead on: a path of this host, or an address at the origin of the site."`
}

type sessionsView struct {
	List []deviceView `json:"sessions" nullable:"false"`
	Apps []appView    `json:"apps,omitempty" doc:"Phones with the app. They are removed as ways are."`
	Note *noteView    `json:"note,omitempty"`
}

type deviceView struct {
	ID      string    `json:"id,omitempty" doc:"To end it by. The one that asks has none."`
	Browser string    `json:"browser,omitempty" doc:"From a closed list, in English."`
	Address string    `json:"address"`
	First   time.Time `json:"signed_in_at"`
	Last    time.Time `json:"last_seen"`
	Current bool      `json:"current" doc:"It is the one that asks."`
	Shared  bool      `json:"shared" doc:"It is on a shared computer."`
}

type appView struct {
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	Added time.Time `json:"added"`
	Used  time.Time `json:"last_seen"`
	Sleep bool      `json:"asleep" doc:"It opens nothing until it is woken."`
}

type myWaysView struct {
	List  []myWayView     `json:"ways" nullable:"false"`
	Two   bool            `json:"two_proofs" doc:"The account asks for two proofs."`
	Drops time.Time       `json:"two_proofs_until,omitzero" doc:"When that ends because an operator said so."`
	Texts bool            `json:"texts" doc:"Text messages can be sent: a phone number can be added."`
	Good  json.RawMessage `json:"passkeys,omitempty" doc:"The passkeys that are still good, for PublicKeyCredential.signalAllAcceptedCredentials."`
	Note  *noteView       `json:"note,omitempty"`
}

type myWayView struct {
	ID    string           `json:"id,omitempty" doc:"To drop or keep it by, if it can be."`
	Way   sparekey.WayKind `json:"way"`
	Value string           `json:"value,omitempty"`
	Since time.Time        `json:"since,omitzero" doc:"When it was proved or added, or last changed."`
	Alone time.Time        `json:"alone_from,omitzero" doc:"It is young, and counts alone from then on."`
	Until time.Time        `json:"back_until,omitzero" doc:"It was dropped, and can be taken back until then."`
	Sleep bool             `json:"asleep" doc:"It opens nothing until it is woken."`
}

type checkView struct {
	State  string     `json:"state" enum:"ready,step,risk" doc:"No loss, one or several would lock the person out."`
	Losses []lossView `json:"losses" nullable:"false"`
}

type lossView struct {
	ID   string     `json:"lost" enum:"password,phone,email"`
	Safe bool       `json:"safe" doc:"What is left is enough."`
	Left []leftView `json:"left" nullable:"false" doc:"What still counts."`
}

type leftView struct {
	Way   sparekey.WayKind `json:"way"`
	Value string           `json:"value,omitempty"`
}

type profileView struct {
	Name  string    `json:"name,omitempty"`
	Lang  string    `json:"lang,omitempty" doc:"The language of mails. Not there: that of the page where they are asked for."`
	Login string    `json:"login,omitempty" doc:"The login name."`
	Note  *noteView `json:"note,omitempty"`
}

type activityView struct {
	List []happenedView `json:"activity" nullable:"false" doc:"The newest first."`
}

type happenedView struct {
	At      time.Time          `json:"at"`
	Kind    sparekey.EventKind `json:"kind,omitempty" doc:"What happened. Not there: passwords were tried and failed."`
	Failed  int                `json:"failed,omitempty" doc:"How many."`
	How     []sparekey.WayKind `json:"how,omitempty" doc:"The ways that were proved."`
	Way     sparekey.WayKind   `json:"way,omitempty" doc:"The way that it is about."`
	Value   string             `json:"value,omitempty" doc:"Which of that kind, most of it hidden."`
	Browser string             `json:"browser,omitempty" doc:"From a closed list, in English."`
	Address string             `json:"address,omitempty"`
}

// A problemView is a problem of RFC 9457. Nothing in it was sent by the program.
type problemView struct {
	Type   string `json:"type"`
	Title  string `json:"title" doc:"The status in words."`
	Status int    `json:"status"`
	Code   string `json:"code" doc:"The id of the sentence."`
	Detail string `json:"detail,omitempty" doc:"The sentence, in the person's language."`
	Field  string `json:"field,omitempty" doc:"The member that is to blame."`
	Tries  int    `json:"tries_left,omitempty" doc:"How many answers the flow still takes."`
}
