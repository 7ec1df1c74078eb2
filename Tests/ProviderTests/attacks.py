"""Attacks on the provider, each a function that raises when one works. usage: attacks.py BASE NAME"""
import base64, json, sys, time, urllib.parse
from browser import Browser
from provider import World, answer, expect


def replayed_code(base):
    world = World(base)
    app = world.app()
    code, verifier = world.allow(app)
    status, tokens = app.exchange(code, verifier)
    expect(status == 200, tokens)
    status, again = app.exchange(code, verifier)
    expect(status == 400 and again["error"] == "invalid_grant", again)
    # What the first exchange gave has ended with it.
    expect(app.info(tokens["access_token"])[0] == 401, "the access token outlived a replay")
    expect(app.refresh(tokens["refresh_token"])[1]["error"] == "invalid_grant")


def wrong_verifier(base):
    world = World(base)
    app = world.app("public")
    for verifier, error in [("x" * 43, "invalid_grant"), (None, "invalid_grant"), ("short", "invalid_grant")]:
        code, _ = world.allow(app)
        status, refusal = app.exchange(code, verifier)
        expect(status == 400 and refusal["error"] == error, verifier, refusal)


def no_challenge(base):
    world = World(base)
    program, web = world.app("public"), world.app()
    for changes in [{"code_challenge": None, "code_challenge_method": None}, {"code_challenge_method": "plain"},
                    {"code_challenge_method": None}, {"code_challenge": "x"}]:
        back = answer(world.browser.get(program.request(**changes)[0]))
        expect(back["error"] == "invalid_request" and "code" not in back, changes, back)
    # A challenge that somebody took out of the request is noticed at the exchange (RFC 9700 §4.8.2).
    code, verifier = world.allow(web, code_challenge=None, code_challenge_method=None)
    expect(web.exchange(code, verifier)[1]["error"] == "invalid_grant")
    expect(web.exchange(code, None)[0] == 200)


def other_client(base):
    world = World(base)
    mine, other = world.app(), world.app(name="Other")
    code, verifier = world.allow(mine)
    expect(other.exchange(code, verifier)[1]["error"] == "invalid_grant")
    expect(mine.exchange(code, verifier, redirect_uri="http://127.0.0.1:9/else")[1]["error"] == "invalid_grant")
    expect(mine.exchange(code, verifier, redirect_uri=None)[1]["error"] == "invalid_request")
    for secret in ["quota_secret_wrong", None, other.secret]:
        status, refusal = mine.exchange(code, verifier, client_secret=secret)
        expect(status == 401 and refusal["error"] == "invalid_client", refusal)
    status, tokens = mine.exchange(code, verifier)
    expect(status == 200, tokens)
    expect(other.refresh(tokens["refresh_token"])[1]["error"] == "invalid_grant")
    expect(other.token(path="/oauth/revoke", token=tokens["refresh_token"])[0] == 200)
    expect(mine.refresh(tokens["refresh_token"])[0] == 200, "another client revoked it")


def basic_authentication(base):
    world = World(base)
    app = world.app()
    def basic(secret):
        return {"Authorization": "Basic " + base64.b64encode(f"{app.client_id}:{secret}".encode()).decode()}
    code, verifier = world.allow(app)
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": app.redirect, "code_verifier": verifier}
    for headers, more, wanted in [(basic("wrong"), {}, 401), (basic(app.secret), {"client_secret": app.secret}, 400),
                                  (basic(app.secret), {"client_id": "another"}, 400), ({"Authorization": "Basic !"}, {}, 401)]:
        page = Browser().post(base + "/oauth/token", {**fields, **more}, headers)
        expect(page.status == wanted, page.status, page.text)
        expect(wanted != 401 or page.headers["WWW-Authenticate"].startswith("Basic"))
    page = Browser().post(base + "/oauth/token", fields, basic(app.secret))
    expect(page.status == 200 and page.headers["Cache-Control"] == "no-store", page.text)


def redirects(base):
    world = World(base)
    app = world.app(redirect="https://app.example/cb?x=1 http://localhost:3000/cb")
    for address in ["https://app.example/cb", "https://app.example/cb?x=1&y=2", "https://app.example/cb?x=1#f",
                    "https://app.example.evil.example/cb?x=1", "https://app.example/cb/../evil?x=1",
                    "https://app.example:444/cb?x=1", "http://app.example/cb?x=1", "HTTPS://app.example/cb?x=1",
                    "http://localhost:3001/cb", "http://127.0.0.1:3000/cb", "https://user@app.example/cb?x=1",
                    "//app.example/cb?x=1", "javascript:alert(1)", "https://app.example\\@evil.example/cb?x=1", "", None]:
        page = world.browser.get(app.request(redirect_uri=address)[0])
        expect(page.status == 400 and page.location is None, address, page)
    # Twice is no better: which of them would be meant?
    page = world.browser.get(app.request()[0] + "&redirect_uri=https://evil.example/")
    expect(page.status == 400 and page.location is None, page)
    page = world.browser.get(app.request(client_id="quota_client_nobody")[0])
    expect(page.status == 401 and page.location is None, page)
    expect("code" in dict(world_allow(world, app)))
    for address in ["http://app.example/cb", "https://*.example/cb", "ftp://app.example/", "https://", "/cb",
                    "http://localhost.evil.example/", "http://127.0.0.1.evil.example/", "https://a@b.example/",
                    "https://a.example/#f", "https://a.exa mple/", "https://a.example:0/", "https://a.example:99999/"]:
        page = world.browser.get(base + "/dashboard/apps")
        page = world.browser.submit(page, "/dashboard/apps", {"name": "A", "redirect_uris": address.replace(" ", "%20%00")})
        expect(page.status == 422 or "from 1 to 20" in page.text, address, page.status)


def world_allow(world, app):
    url, _, _ = app.request()
    page = world.browser.get(url)
    return answer(world.browser.submit(page, "/oauth/authorize", {"decision": "allow"}))


def loopback_ports(base):
    world = World(base)
    program = world.app("public", redirect="http://127.0.0.1/cb")
    for address, works in [("http://127.0.0.1:50123/cb", True), ("http://127.0.0.1/cb", True),
                           ("http://127.0.0.1:50123/other", False), ("http://localhost:50123/cb", False),
                           ("http://127.0.0.2:50123/cb", False), ("https://127.0.0.1:50123/cb", False),
                           ("http://127.0.0.1:50123/cb?x", False)]:
        page = world.browser.get(program.request(redirect_uri=address)[0])
        expect(page.status == (200 if works else 400), address, page)
    # For programs alone: a web app has one place.
    web = world.app(redirect="http://127.0.0.1/cb")
    expect(world.browser.get(web.request(redirect_uri="http://127.0.0.1:50123/cb")[0]).status == 400)
    # And nobody vouches for a program: its users are asked each time.
    world.tokens(program, redirect_uri="http://127.0.0.1/cb")
    expect(world.browser.get(program.request()[0]).status == 200)


def open_redirects(base):
    for target in ["https://evil.example/", "//evil.example/", "/\\evil.example/", "\\\\evil.example", "/\t/evil.example/",
                   "javascript:alert(1)", "http:evil.example", "/%0d%0aLocation:https://evil.example"]:
        world = World(base)
        browser = Browser()
        page = browser.get(base + "/login?next=" + urllib.parse.quote(target, safe=""))
        page = browser.submit(page, "/login", {"email": world.email, "password": "correct horse", "next": target})
        expect(page.status == 303 and page.location.startswith(base + "/"), target, page.location)
        page = browser.get(base + "/login?next=" + urllib.parse.quote(target, safe=""))
        expect(page.location.startswith(base + "/"), target, page.location)
    page = world.browser.get(base + "/oauth/logout?post_logout_redirect_uri=https://evil.example/&client_id=quota_client_voice_cli")
    expect(page.location is None and page.status == 200, page)


def forged_forms(base):
    world = World(base)
    app = world.app()
    page = world.browser.get(app.request()[0])
    for changes, headers in [({"form_token": None}, {}), ({"form_token": "x" * 43}, {}), ({}, {"Sec-Fetch-Site": "cross-site"})]:
        out = world.browser.submit(page, "/oauth/authorize", {"decision": "allow", **changes}, headers)
        expect("code=" not in (out.location or "") and not (out.location or "").startswith(app.redirect), out.location)
    # Of another person's page, and of another form of the same person.
    other = World(base)
    theirs = other.browser.get(app.request()[0]).form("/oauth/authorize")["fields"]
    stolen = dict(theirs)["form_token"]
    out = world.browser.submit(page, "/oauth/authorize", {"decision": "allow", "form_token": stolen})
    expect(not out.location.startswith(app.redirect), out.location)
    wrong = dict(world.browser.get(base + "/dashboard/apps").form("/dashboard/apps")["fields"])["form_token"]
    out = world.browser.submit(page, "/oauth/authorize", {"decision": "allow", "form_token": wrong})
    expect(not out.location.startswith(app.redirect), out.location)
    # Signing someone in to an attacker's account.
    out = Browser().post(base + "/login", {"email": world.email, "password": "correct horse"})
    expect(out.status == 403 and "quota_session" not in str(out.headers), out)
    fields = dict(world.browser.get(base + "/login?switch=1").form("/login")["fields"])
    out = Browser().post(base + "/login", {**fields, "email": world.email, "password": "correct horse"})
    expect(out.status == 403, out)
    # Any form of the dashboard, and signing out.
    out = world.browser.post(base + "/dashboard/apps", {"name": "A", "redirect_uris": "https://a.example/"})
    expect(out.status == 403, out)
    world.browser.post(base + "/logout", {})
    expect(world.browser.get(base + "/dashboard/apps").status == 200, "signed out by a forged form")


def refresh_reuse(base):
    world = World(base)
    app = world.app()
    first = world.tokens(app)
    status, second = app.refresh(first["refresh_token"])
    expect(status == 200 and second["refresh_token"] != first["refresh_token"], second)
    expect(app.info(second["access_token"])[0] == 200)
    status, refusal = app.refresh(first["refresh_token"])
    expect(status == 400 and refusal["error"] == "invalid_grant", refusal)
    for token in [first["access_token"], second["access_token"]]:
        expect(app.info(token)[0] == 401, "an access token outlived the reuse")
    expect(app.refresh(second["refresh_token"])[1]["error"] == "invalid_grant")
    # Another sign-in of the same user is not touched.
    third = world.tokens(app)
    expect(app.info(third["access_token"])[0] == 200)


def revocation(base):
    world = World(base)
    app = world.app()
    tokens = world.tokens(app)
    expect(app.token(path="/oauth/revoke", token="quota_refresh_none")[0] == 200)
    expect(app.token(path="/oauth/revoke", token=tokens["access_token"])[0] == 200)
    expect(app.info(tokens["access_token"])[0] == 401)
    status, tokens = app.refresh(tokens["refresh_token"])
    expect(status == 200, tokens)
    expect(app.token(path="/oauth/revoke", token=tokens["refresh_token"], client_secret="wrong")[0] == 401)
    expect(app.token(path="/oauth/revoke", token=tokens["refresh_token"])[0] == 200)
    expect(app.info(tokens["access_token"])[0] == 401 and app.refresh(tokens["refresh_token"])[0] == 400)
    # The user takes it back on the dashboard.
    tokens = world.tokens(app)
    page = world.browser.get(base + "/dashboard/apps")
    world.browser.submit(page, "/dashboard/grants/revoke")
    expect(app.info(tokens["access_token"])[0] == 401 and app.refresh(tokens["refresh_token"])[0] == 400)
    expect(world.browser.get(app.request()[0]).status == 200, "asked anew")


def scopes(base):
    world = World(base)
    app = world.app(scopes={"openid", "credits.read"})
    for scope, error in [("openid credits.spend", "invalid_scope"), ("openid admin", "invalid_scope"), ("", "invalid_scope"),
                         (None, "invalid_scope")]:
        back = answer(world.browser.get(app.request(scope=scope)[0]))
        expect(back["error"] == error, scope, back)
    # The consent form can't be widened either: it is checked again.
    page = world.browser.get(app.request(scope="credits.read")[0])
    back = answer(world.browser.submit(page, "/oauth/authorize", {"decision": "allow", "scope": "credits.read credits.spend"}))
    expect(back["error"] == "invalid_scope", back)
    tokens = world.tokens(app, scope="credits.read")
    expect(tokens["scope"] == "credits.read" and "id_token" not in tokens, tokens)
    expect(app.info(tokens["access_token"])[0] == 403)
    expect(app.refresh(tokens["refresh_token"], scope="credits.read openid")[1]["error"] == "invalid_scope")
    tokens = world.tokens(app, scope="openid credits.read")
    status, info = app.info(tokens["access_token"])
    expect(status == 200 and set(info) == {"sub"}, info)
    status, narrow = app.refresh(tokens["refresh_token"], scope="credits.read")
    expect(status == 200 and narrow["scope"] == "credits.read" and app.info(narrow["access_token"])[0] == 403, narrow)


def prompts(base):
    world = World(base)
    app = world.app()
    stranger = Browser()
    back = answer(stranger.get(app.request(prompt="none")[0]))
    expect(back["error"] == "login_required", back)
    back = answer(world.browser.get(app.request(prompt="none")[0]))
    expect(back["error"] == "consent_required", back)
    page = world.browser.get(app.request()[0])
    back = answer(world.browser.submit(page, "/oauth/authorize", {"decision": "deny"}))
    expect(back["error"] == "access_denied" and "iss" in back, back)
    world.tokens(app)
    expect("code" in answer(world.browser.get(app.request(prompt="none")[0])))
    expect("code" in answer(world.browser.get(app.request()[0])))
    expect(world.browser.get(app.request(prompt="consent")[0]).status == 200)
    for changes in [{"prompt": "login"}, {"prompt": "select_account"}]:
        page = world.browser.get(app.request(**changes)[0])
        expect(page.location.startswith(base + "/login?"), page.location)
        page = world.browser.submit(world.browser.get(page.location), "/login",
                                    {"email": world.email, "password": "correct horse"})
        expect("code" in answer(world.browser.get(page.location)), "asked for ever")
    for changes in [{"prompt": "none login"}, {"prompt": "sudo"}, {"max_age": "-1"}, {"response_mode": "fragment"}]:
        expect(answer(world.browser.get(app.request(**changes)[0]))["error"] == "invalid_request", changes)
    expect(answer(world.browser.get(app.request(response_type="token")[0]))["error"] == "unsupported_response_type")
    expect(answer(world.browser.get(app.request(request="x.y.z")[0]))["error"] == "request_not_supported")


def markup_in_names(base):
    evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e'
    world = World(base, name=evil)
    # What turns text around is no part of an app's name; the rest is text.
    page = world.browser.get(base + "/dashboard/apps")
    page = world.browser.submit(
        page, "/dashboard/apps", {"name": evil, "redirect_uris": "https://app.example/", "kind": "web"})
    expect(page.status == 422 and "\u202e" not in page.text and "<script>" not in page.text, page.text)
    state = evil.rstrip("\u202e")
    app = world.app(name=state)
    url = app.request(state=state, nonce=state, login_hint=state)[0]
    pages = [world.browser.get(url), world.browser.get(base + "/dashboard/apps"),
             Browser().get(base + "/login?next=" + urllib.parse.quote("/oauth/authorize?" + url.split("?")[1], safe="")),
             Browser().get(base + "/login?next=" + urllib.parse.quote('/"><script>', safe="")),
             world.browser.get(base + "/oauth/authorize?client_id=" + urllib.parse.quote(evil)),
             world.browser.get(base + "/oauth/logout?state=" + urllib.parse.quote(state))]
    for page in pages:
        expect("<script>" not in page.text and "<img" not in page.text and "\u202e" not in page.text, page.url, page.text)
        policy = page.headers["Content-Security-Policy"]
        expect("default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy, policy)
        expect(page.headers["X-Frame-Options"] == "DENY" and page.headers["Cache-Control"] == "no-store")
        expect(page.headers["X-Content-Type-Options"] == "nosniff")
    expect("&lt;script&gt;" in pages[0].text)
    back = answer(world.browser.submit(pages[0], "/oauth/authorize", {"decision": "allow"}))
    expect(back["state"] == state, "state came back changed")


def cookies(base):
    world = World(base)
    page = Browser()
    page = page.get(base + "/login")
    lines = page.headers.get_all("Set-Cookie")
    fresh = Browser()
    signed = fresh.sign_in(base, world.email)
    lines += signed.headers.get_all("Set-Cookie")
    for line in lines:
        expect("HttpOnly" in line and "SameSite=Lax" in line and "Path=/" in line, line)
    # A cookie that someone planted before the sign-in is worth nothing after it.
    planted = Browser()
    planted.jars["127.0.0.1"] = {"quota_session": "sess_" + "a" * 43}
    planted.sign_in(base, world.email)
    expect(planted.jars["127.0.0.1"]["quota_session"] != "sess_" + "a" * 43)
    # After signing out the old one is worth nothing.
    old = dict(world.browser.jars["127.0.0.1"])
    world.browser.submit(world.browser.get(base + "/dashboard/apps"), "/logout")
    stolen = Browser()
    stolen.jars["127.0.0.1"] = old
    expect(stolen.get(base + "/dashboard/apps").status == 303)
    # The cookie is no bearer token.
    page = Browser().get(base + "/oauth/userinfo", headers={"Authorization": "Bearer " + old["quota_session"]})
    expect(page.status == 401, page)


def guessing(base):
    world = World(base)
    guesser, statuses, wait = Browser(), [], 0
    # Each guess after a wait doubles the next: until one is longer than a busy machine takes for what follows.
    while wait < 15 and len(statuses) < 40:
        page = guesser.sign_in(base, world.email, f"wrong {len(statuses)}")
        statuses.append(page.status)
        if page.status == 429:
            wait = int(page.headers["Retry-After"])
            time.sleep(wait if wait < 15 else 0)
    expect(statuses[0] == 401 and wait >= 15, statuses)
    # The right password does not help before the wait is over.
    page = guesser.sign_in(base, world.email)
    expect(page.status == 429 and int(page.headers["Retry-After"]) >= 1, page)
    # Nothing tells whether there is an account.
    one, other = Browser().sign_in(base, "nobody-" + world.email, "wrong"), Browser().sign_in(base, "x" + world.email, "wrong")
    expect(one.status == other.status == 401)


def algorithms(base):
    """Signing out by a hint that somebody made himself."""
    world = World(base)
    app = world.app(after="https://app.example/bye")
    hint = world.tokens(app)["id_token"]
    head, body, signature = hint.split(".")
    def b64(value):
        return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=").decode()
    kid = json.loads(base64.urlsafe_b64decode(head + "=="))["kid"]
    import hashlib, hmac
    keys = json.loads(Browser().get(base + "/.well-known/jwks.json").text)["keys"]
    expect(all(set(key) == {"kty", "use", "alg", "kid", "n", "e"} for key in keys), keys)
    modulus = base64.urlsafe_b64decode(keys[0]["n"] + "==")
    expect(len(modulus) == 256, len(modulus))
    forged_hmac = b64({"alg": "HS256", "kid": kid}) + "." + body
    forged_hmac += "." + b64(hmac.new(modulus, forged_hmac.encode(), hashlib.sha256).digest())
    forged = [b64({"alg": "none", "kid": kid}) + "." + body + ".", forged_hmac, head + "." + body + ".", head + "." + body,
              head + "." + b64({"sub": "user_x"}) + "." + signature, b64({"alg": "RS256", "kid": "x"}) + "." + body + "." + signature,
              "x", "." * 3, "x" * 100_000]
    for token in forged:
        query = urllib.parse.urlencode({"id_token_hint": token[:4_000], "post_logout_redirect_uri": "https://app.example/bye"})
        page = world.browser.get(base + "/oauth/logout?" + query)
        expect(page.status == 200 and page.location is None and "Sign out" in page.text, token[:50], page)
    expect(world.browser.get(base + "/dashboard/apps").status == 200)
    query = {"id_token_hint": hint, "post_logout_redirect_uri": "https://app.example/bye", "state": "a b"}
    page = world.browser.get(base + "/oauth/logout?" + urllib.parse.urlencode({**query, "post_logout_redirect_uri": "https://app.example/by"}))
    expect(page.location is None, page.location)
    world.browser.sign_in(base, world.email)
    page = world.browser.get(base + "/oauth/logout?" + urllib.parse.urlencode(query))
    expect(page.location == "https://app.example/bye?state=a%20b", page.location)
    expect(world.browser.get(base + "/dashboard/apps").status == 303)


SCENARIOS = [replayed_code, wrong_verifier, no_challenge, other_client, basic_authentication, redirects, loopback_ports,
             open_redirects, forged_forms, refresh_reuse, revocation, scopes, prompts, markup_in_names, cookies, guessing,
             algorithms]

if __name__ == "__main__":
    {scenario.__name__: scenario for scenario in SCENARIOS}[sys.argv[2]](sys.argv[1])
    print("ok")
