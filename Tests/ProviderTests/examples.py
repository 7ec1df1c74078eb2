"""The examples, as an app's maker starts them, against the provider. usage: examples.py BASE NAME BINARY"""
import os, socket, subprocess, sys, time
from browser import Browser
from provider import World, answer, expect


class Example:
    def __init__(self, base, binary, callback):
        # Held all the while, so that nobody else gets the port: bound alone, this socket lets one with SO_REUSEADDR listen.
        self.held = socket.socket()
        self.held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.held.bind(("127.0.0.1", 0))
        port = self.held.getsockname()[1]
        self.origin = f"http://127.0.0.1:{port}"
        self.world = World(base)
        app = self.world.app(redirect=self.origin + callback)
        self.process = subprocess.Popen([binary], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={
            **os.environ, "PORT": str(port), "QUOTA_BASE_URL": base, "QUOTA_CLIENT_ID": app.client_id,
            "QUOTA_CLIENT_SECRET": app.secret, "QUOTA_WEBHOOK_SECRET": "whsec_1", "REDIRECT_URI": app.redirect})
        while True:
            try:
                Browser().get(self.origin + "/")
                break
            except OSError:
                expect(self.process.poll() is None, "the example ended")
                time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.held.close()

    def allow(self, address):
        page = self.world.browser.get(address)
        return self.world.browser.submit(page, "/oauth/authorize", {"decision": "allow"}).location


def sign_in(base, binary):
    with Example(base, binary, "/auth/callback") as example:
        visitor = Browser()
        page = visitor.get(example.allow(visitor.get(example.origin + "/auth/login").location))
        page = visitor.get(page.location)
        expect("Hello Ann, $1.00" in page.text, page, page.text)
        page = visitor.get(example.origin + "/auth/logout")
        expect(page.location.startswith(base + "/oauth/logout?id_token_hint="), page.location)
        # The same person's browser: signed out there without a question, as the hint is of this sign-in.
        expect("You are signed out" in example.world.browser.get(page.location).text)
        expect("Sign in with Quota" in visitor.get(example.origin + "/").text)


def connect_wallet(base, binary):
    with Example(base, binary, "/wallet/callback") as example:
        alice, bob = [{"X-User": name} for name in ("alice", "bob")]
        visitor = Browser()
        expect(visitor.get(example.origin + "/ask?q=hello", headers=alice).status == 403)
        back = example.allow(visitor.get(example.origin + "/wallet/connect", headers=alice).location)
        expect(visitor.get(back, headers=bob).status == 400, "another user took it")
        expect(visitor.get(back, headers=alice).text == "connected\n")
        expect(visitor.get(example.origin + "/ask?q=hello", headers=bob).status == 403)


if __name__ == "__main__":
    globals()[sys.argv[2]](sys.argv[1], sys.argv[3])
    print("ok")
