"""What the scenarios share: an account, apps registered through the dashboard, and the calls of an OAuth client."""
import base64, hashlib, json, re, secrets, urllib.parse
from browser import Browser


def expect(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(part) for part in what) or "not as expected")


class App:
    def __init__(self, base, client_id, secret, redirect):
        self.base, self.client_id, self.secret, self.redirect = base, client_id, secret, redirect

    def request(self, **changes):
        """An authorization request; a change to None leaves a parameter out."""
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        fields = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": self.redirect,
            "scope": "openid profile email credits.read", "state": secrets.token_urlsafe(16), "nonce": "n-0",
            "code_challenge": challenge, "code_challenge_method": "S256", **changes}
        fields = {name: value for name, value in fields.items() if value is not None}
        return self.base + "/oauth/authorize?" + urllib.parse.urlencode(fields), fields.get("state"), verifier

    def token(self, headers=None, path="/oauth/token", **fields):
        """(status, JSON)"""
        form = {"client_id": self.client_id, "client_secret": self.secret, **fields}
        form = {name: value for name, value in form.items() if value is not None}
        page = Browser().post(self.base + path, form, headers)
        return page.status, json.loads(page.text)

    def exchange(self, code, verifier, **changes):
        return self.token(**{
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect,
            "code_verifier": verifier, **changes})

    def refresh(self, token, **changes):
        return self.token(**{"grant_type": "refresh_token", "refresh_token": token, **changes})

    def info(self, access):
        page = Browser().get(self.base + "/oauth/userinfo", headers={"Authorization": "Bearer " + access})
        return page.status, json.loads(page.text)


def answer(page):
    """The fields that a redirect brings back."""
    expect(page.location, "no redirect:", page, page.text[:1500])
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page.location).query))


class World:
    """One account with a browser, and apps."""
    def __init__(self, base, name="Ann"):
        self.base, self.browser = base, Browser()
        self.email = secrets.token_hex(6) + "@mail.example"
        page = self.browser.register(base, self.email, name=name)
        expect(page.status == 303, "register:", page, page.text[:1500])

    def app(self, kind="web", redirect="http://127.0.0.1:9/callback", name="App", scopes=None, after=""):
        page = self.browser.get(self.base + "/dashboard/apps")
        changes = {"name": name, "redirect_uris": redirect, "post_logout_redirect_uris": after, "kind": kind}
        for field, _ in page.form("/dashboard/apps")["fields"]:
            if scopes is not None and field.startswith("scope_") and field[6:] not in scopes:
                changes[field] = None
        page = self.browser.submit(page, "/dashboard/apps", changes)
        expect(page.status == 200, "the app is not registered:", page.text[:3000])
        client = re.search(r'id="client">([^<]+)', page.text).group(1)
        secret = re.search(r'id="secret">([^<]+)', page.text)
        return App(self.base, client, secret and secret.group(1), redirect.split()[0])

    def allow(self, app, **changes):
        """Asks, allows, and gives code and verifier."""
        url, state, verifier = app.request(**changes)
        page = self.browser.get(url)
        if page.status == 200:
            page = self.browser.submit(page, "/oauth/authorize", {"decision": "allow"})
        back = answer(page)
        expect(back.get("state") == state and "code" in back, "no code:", back)
        return back["code"], verifier

    def tokens(self, app, **changes):
        status, tokens = app.exchange(*self.allow(app, **changes))
        expect(status == 200, "no tokens:", tokens)
        return tokens
