#!/usr/bin/python3
"""A server of the Quota API for tests: it answers every documented row, and misbehaves where it is told to.

POST /_new  {"rules": {"GET /v1/me": [ACTION, …]}, "options": {…}}  gives a world of its own below /w/ID.
GET /_log/ID gives its requests. In a world, the n-th request of an endpoint takes the n-th action (the last one stays);
an endpoint without a rule is answered as documented. Ends when its standard input does.
With an argument, a PEM file of certificate and key, it speaks TLS and has a first world, /w/1.

ACTION: {"status", "headers", "json" | "body" | "parts": [[text, seconds before it], …], "length": a Content-Length that
may lie, "cut": true (close in the middle), "reset": true (RST before any answer), "silent": seconds, "repeat": [text, times],
"held": true (silent until POST /_release/ID)}
"""
import base64, hashlib, hmac, json, os, socket, ssl, struct, subprocess, sys, threading, time, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from peer_voice import Voice

worlds, lock = {}, threading.Lock()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class RSAKey:
    """RSA by hand on numbers from openssl: another implementation than the one under test."""

    def __init__(self, kid, bits=2048):
        self.kid = kid
        pem = subprocess.run(["openssl", "genrsa", str(bits)], capture_output=True, check=True).stdout
        text = subprocess.run(["openssl", "rsa", "-noout", "-text"], input=pem, capture_output=True, check=True).stdout
        fields, name = {}, None
        for line in text.decode().splitlines():
            if not line.startswith(" "):
                name, _, value = line.partition(":")
                fields[name] = value
            else:
                fields[name] += line
        number = lambda name: int(fields[name].replace(":", "").replace(" ", ""), 16)
        self.n, self.d, self.bytes = number("modulus"), number("privateExponent"), bits // 8
        self.pem = pem.decode()

    def jwk(self):
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "e": "AQAB",
                "n": b64(self.n.to_bytes(self.bytes, "big"))}

    def sign(self, message):
        prefix = bytes.fromhex("3031300d060960864801650304020105000420")
        digest = prefix + hashlib.sha256(message).digest()
        padded = b"\x00\x01" + b"\xff" * (self.bytes - 3 - len(digest)) + b"\x00" + digest
        return pow(int.from_bytes(padded, "big"), self.d, self.n).to_bytes(self.bytes, "big")


keys = {}


def key(kid):
    with lock:
        if kid not in keys:
            keys[kid] = RSAKey(kid, 1024 if kid == "small" else 2048)
        return keys[kid]


def token(claims, kid="key-1", header=None, how="RS256"):
    more = {} if isinstance(header, str) else header or {}
    head = {"typ": "JWT", "alg": "RS256", "kid": kid, **more}
    head = {name: value for name, value in head.items() if value is not None}
    # A text stands for itself: what no library would write.
    both = [part if isinstance(part, str) else json.dumps(part) for part in (header if isinstance(header, str) else head, claims)]
    text = ".".join(b64(part.encode()) for part in both)
    if how == "none":
        return text + "."
    if how == "HS256":
        # The classical confusion: the public key's bytes as the HMAC secret.
        public = subprocess.run(["openssl", "rsa", "-pubout"], input=key(kid).pem.encode(), capture_output=True).stdout
        return text + "." + b64(hmac.new(public, text.encode(), hashlib.sha256).digest())
    return text + "." + b64(key(how[4:] if how.startswith("key:") else kid).sign(text.encode()))


class World:
    def __init__(self, config):
        self.rules, self.options = config.get("rules", {}), config.get("options", {})
        self.log, self.counts, self.lock = [], {}, threading.Lock()
        self.generation, self.codes, self.used = 0, {}, set()
        self.key = self.options.get("key", "sk-quota-good")
        self.access, self.refresh = "quota_token_0", "quota_refresh_0"
        self.balance, self.linked = 5_000_000, {"alice"}
        self.released = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "peer", ""

    def log_message(self, *_):
        pass

    def reply(self, status, value, headers=None):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def error(self, status, code, message="", headers=None, **more):
        self.reply(status, {"error": {"code": code, "message": message or code, **more}}, headers)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self.route(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = do_DELETE = handle_any

    def route(self, body):
        if self.path == "/_new":
            with lock:
                name = str(len(worlds) + 1)
                worlds[name] = World(json.loads(body or b"{}"))
            return self.reply(200, {"id": name})
        if self.path == "/_token":
            ask = json.loads(body)
            return self.reply(200, {"token": token(ask["claims"], ask.get("kid", "key-1"), ask.get("header"),
                                                   ask.get("how", "RS256"))})
        if self.path == "/_webhook":
            ask = json.loads(body)
            raw = ask["body"].encode()
            return self.reply(200, {"signature": hmac.new(ask["secret"].encode(), raw, hashlib.sha256).hexdigest()})
        if self.path.startswith("/_log/"):
            return self.reply(200, worlds[self.path[6:]].log)
        if self.path.startswith("/_release/"):
            worlds[self.path[10:]].released.set()
            return self.reply(200, {})
        _, _, name, path = self.path.split("/", 3)
        world, path = worlds[name], "/" + path
        plain, _, query = path.partition("?")
        endpoint = f"{self.command} {plain}"
        with world.lock:
            entry = {"endpoint": endpoint, "query": query, "body": body.decode("utf-8", "replace"),
                     "headers": {k.lower(): v for k, v in self.headers.items()}, "ended": ""}
            world.log.append(entry)
            count = world.counts[endpoint] = world.counts.get(endpoint, 0) + 1
        actions = world.rules.get(endpoint)
        action = actions[min(count, len(actions)) - 1] if actions else {}
        if self.headers.get("Upgrade") and set(action) <= {"voice"}:
            return Voice(self, world, action, entry).run()
        if actions:
            self.hold(world, action)
            if set(action) - {"silent", "held"}:
                return self.act(action, entry)
        self.documented(world, endpoint, plain, query, body)

    def hold(self, world, action):
        time.sleep(action.get("silent", 0))
        if action.get("held"):
            world.released.wait()

    def act(self, action, entry):
        if action.get("reset"):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        if "raw" in action:
            self.connection.sendall(action["raw"].encode("latin-1"))
            self.close_connection = True
            return
        body = json.dumps(action["json"]).encode() if "json" in action else action.get("body", "").encode()
        if "repeat" in action:
            body = action["repeat"][0].encode() * action["repeat"][1]
        headers = {"Content-Type": "application/json", **action.get("headers", {})}
        if "parts" not in action:
            headers["Content-Length"] = str(action.get("length", len(body)))
        else:
            headers["Connection"] = "close"
        self.send_response(action.get("status", 200))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            if "parts" not in action:
                self.wfile.write(body)
            for text, seconds in action.get("parts", []):
                time.sleep(seconds)
                self.wfile.write(text.encode("latin-1") if action.get("latin") else text.encode())
                self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            entry["ended"] = "by the client"
            raise
        entry["ended"] = "by the server"
        if action.get("cut") or "parts" in action:
            self.close_connection = True

    # What the API's page says, row by row.

    def documented(self, world, endpoint, path, query, body):
        if path.startswith("/.well-known/") or path.startswith("/oauth/"):
            return self.oauth(world, endpoint, query, body)
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if endpoint == "GET /v1/packages":
            return self.reply(200, {"packages": [{"id": "pack_5", "credits": 5_000_000, "price_cents": 500,
                                                  "price_display": "$5.00", "new_field": [1, {"a": None}]}]})
        if not bearer:
            return self.error(401, "invalid_api_key", "no credential")
        isKey = bearer.startswith("sk-quota-")
        if isKey and bearer != world.key:
            return self.error(401, "invalid_api_key", f"{bearer} is not a key", hint="look at the dashboard")
        if not isKey and bearer != world.access:
            return self.error(401, "invalid_token", "expired")
        hosted = self.headers.get("X-Quota-User")
        if hosted and hosted not in world.linked:
            return self.error(404, "not_found", "not linked")
        if endpoint == "GET /v1/me":
            balance = None if world.options.get("wallet") == "none" else world.balance
            return self.reply(200, {"id": "user_1", "email": "a@b.example", "balance": balance, "name": "A",
                                    "picture": None, "user_metadata": {"k": [1]}, "later": True})
        if endpoint == "GET /v1/balance":
            if isKey and not hosted:
                return self.reply(200, {"wallet": "developer", "developer_balance": world.balance, "plan": "free",
                                        "user_id": "dev_1", "billing_mode": "developer"})
            return self.reply(200, {"wallet": "oauth_user", "balance": world.balance, "plan": "free",
                                    "user_id": hosted or "user_1", "billing_mode": "user"})
        if endpoint == "POST /api/payments/checkout":
            asked = json.loads(body)
            return self.reply(200, {"url": "https://pay.example/" + asked["package_id"], "session_id": "cs_1"})
        if endpoint == "GET /v1/models":
            return self.reply(200, {"object": "list", "data": [
                {"id": "elevenlabs/voice-conversion-v1", "owned_by": "elevenlabs", "pricing": {"per_second": 0.0025}}]})
        if path.startswith("/v1/users/"):
            parts = [urllib.parse.unquote(part) for part in path.split("/")]
            if parts[3] not in world.linked:
                return self.error(404, "not_found", "not linked")
            if self.command == "DELETE":
                world.linked.discard(parts[3])
                return self.reply(200, {"success": True})
            return self.reply(200, {"user": {"id": "user_1", "email": "a@b.example", "balance": world.balance},
                                    "linked_at": "2026-01-01T00:00:00Z"})
        if endpoint == "POST /v1/chat/completions":
            return self.chat(world, json.loads(body))
        self.error(404, "not_found", "no such endpoint")

    def chat(self, world, asked):
        bill = {"credits_used": 1200, "balance_before": world.balance, "balance_after": world.balance - 1200,
                "billing_mode": "developer"}
        text = asked["messages"][-1]["content"][::-1]
        if not asked.get("stream"):
            return self.reply(200, {"id": "c1", "model": asked["model"], "choices": [
                {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, "quota": bill})
        events = [{"choices": [{"index": 0, "delta": {"content": letter}, "finish_reason": None}]} for letter in text]
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "quota": bill})
        body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
        self.reply(200, body.encode(), {"Content-Type": "text/event-stream"})

    def oauth(self, world, endpoint, query, body):
        base = f"http://{self.headers['Host']}/{self.path.split('/')[1]}/{self.path.split('/')[2]}"
        if endpoint == "GET /.well-known/openid-configuration":
            return self.reply(200, {
                "issuer": base, "authorization_endpoint": base + "/oauth/authorize",
                "token_endpoint": base + "/oauth/token", "userinfo_endpoint": base + "/oauth/userinfo",
                "jwks_uri": base + "/.well-known/jwks.json", "revocation_endpoint": base + "/oauth/revoke",
                "end_session_endpoint": base + "/oauth/logout", "code_challenge_methods_supported": ["S256"],
                "id_token_signing_alg_values_supported": ["RS256"]})
        if endpoint == "GET /.well-known/jwks.json":
            return self.reply(200, {"keys": [key(kid).jwk() for kid in world.options.get("kids", ["key-1"])]
                                    + world.options.get("jwks", [])})
        if endpoint == "GET /oauth/userinfo":
            if self.headers.get("Authorization") != "Bearer " + world.access:
                return self.error(401, "invalid_token")
            return self.reply(200, {"sub": world.options.get("sub", "user_1"), "email": "a@b.example",
                                    "email_verified": True, "name": "A"})
        form = {k: v[0] for k, v in urllib.parse.parse_qs(query if "authorize" in endpoint else body.decode()).items()}
        if endpoint == "GET /oauth/authorize":
            code = f"code_{len(world.codes)}"
            world.codes[code] = form
            answer = {"code": code, "state": form["state"]}
            if world.options.get("deny"):
                answer = {"error": "access_denied", "error_description": "no\u001b[31m thanks", "state": form["state"]}
            target = form["redirect_uri"] + "?" + urllib.parse.urlencode(answer)
            return self.reply(302, b"", {"Location": target})
        if endpoint == "POST /oauth/revoke":
            return self.reply(200, {})
        if endpoint != "POST /oauth/token":
            return self.error(404, "not_found")
        time.sleep(world.options.get("token_seconds", 0))
        with world.lock:
            if form["grant_type"] == "refresh_token":
                if form["refresh_token"] in world.used:
                    return self.reply(400, {"error": "invalid_grant", "error_description": "refresh token reuse detected"})
                if form["refresh_token"] != world.refresh:
                    return self.reply(400, {"error": "invalid_grant", "error_description": "unknown " + form["refresh_token"]})
                asked = {}
            else:
                asked = world.codes.pop(form["code"], None)
                digest = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
                if not asked or asked["code_challenge"] != digest or asked["redirect_uri"] != form["redirect_uri"]:
                    return self.reply(400, {"error": "invalid_grant"})
            world.used.add(world.refresh)
            world.generation += 1
            world.access, world.refresh = f"quota_token_{world.generation}", f"quota_refresh_{world.generation}"
            answer = {"access_token": world.access, "refresh_token": world.refresh, "token_type": "bearer",
                      "expires_in": world.options.get("expires_in", 3600), "scope": asked.get("scope", "credits.read")}
        if "openid" in asked.get("scope", "").split():
            now = int(time.time()) + world.options.get("skew", 0)
            claims = {"iss": base, "aud": form["client_id"], "sub": "user_1", "iat": now, "exp": now + 300,
                      "nonce": asked.get("nonce"), "email": "a@b.example", "email_verified": True, "name": "A"}
            claims.update(world.options.get("claims", {}))
            answer["id_token"] = token(claims, world.options.get("kid", "key-1"))
        self.reply(200, answer)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Handler)
if sys.argv[1:]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    worlds["1"] = World({})
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
