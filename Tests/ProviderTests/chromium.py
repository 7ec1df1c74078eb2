#!/usr/bin/python3
"""Chromium without a screen clicks through the pages. usage: chromium.py BASE PICTURES SOUND.wav [small]
Needs Debian's chromium, chromium-driver and python3-selenium. Leaves a picture of each page in the folder PICTURES."""
import http.server, os, re, sys, threading, time
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait
from provider import App, World, expect

base, pictures, sound = sys.argv[1:4]
is_small = sys.argv[4:] == ["small"]
os.makedirs(pictures, exist_ok=True)


class Callback(http.server.BaseHTTPRequestHandler):
    """An app that people come back to."""
    seen = []

    def do_GET(self):
        Callback.seen.append(self.path)
        body = b"<!doctype html><title>Back</title><p id=back>Back at the app"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def chromium():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1100,900",
                 "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
                 f"--use-file-for-fake-audio-capture={sound}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


class Person:
    def __init__(self):
        self.driver = chromium()
        self.pictures = 0

    def find(self, selector):
        return WebDriverWait(self.driver, 30).until(lambda driver: driver.find_element(By.CSS_SELECTOR, selector))

    def until(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not self.holds(condition):
            if time.monotonic() > end:
                text = self.driver.find_element(By.TAG_NAME, "body").text
                raise AssertionError(f"{what} did not come: {self.driver.current_url} {text[:1500]}")
            time.sleep(0.1)

    def holds(self, condition):
        """What is looked at may go away meanwhile, with its page."""
        try:
            return condition()
        except StaleElementReferenceException:
            return False

    def press(self, selector):
        """Presses what leads to another page, and waits for it."""
        button = self.find(selector)
        root = self.driver.find_element(By.TAG_NAME, "html")
        button.click()

        def is_gone():
            try:
                root.tag_name
                return False
            except WebDriverException:
                return True
        self.until(is_gone, f"the page after {selector}")

    def type(self, selector, text):
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def picture(self, name):
        """The whole page, by light and by dark, on a desk and on a phone."""
        self.pictures += 1
        for scheme in ["light", "dark"]:
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
                "features": [{"name": "prefers-color-scheme", "value": scheme}]})
            for device, width, height in [("desk", 1100, 900), ("phone", 375, 740)]:
                if (scheme == "dark") != (device == "phone") and is_small:
                    continue
                self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
                    "width": width, "height": height, "deviceScaleFactor": 1, "mobile": device == "phone"})
                wide = self.driver.execute_script("return document.documentElement.scrollWidth")
                expect(wide <= width, name, "is wider than a", device, wide)
                self.driver.save_screenshot(f"{pictures}/{self.pictures:02}-{name}-{device}-{scheme}.png")
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    def complaints(self):
        """What the browser had to say of our pages: refused by a policy, failed, thrown. Forms that were refused as they
        should be are no fault."""
        return [line for line in self.driver.get_log("browser")
                if line["level"] == "SEVERE" and "status of 422" not in line["message"]]


def register(person, email):
    person.driver.get(base + "/")
    person.picture("sign-in")
    person.press("a[href^='/register']")
    person.type("#name", "Ann <b>of</b> “Quota”")
    person.type("#email", email)
    person.type("#password", "correct horse")
    person.picture("register")
    person.press("button[type=submit]")
    expect("$1.00" in person.find("#balance").text)


def make_app(person, redirect):
    person.driver.get(base + "/dashboard/apps")
    person.type("#name", "Karaoke <i>Night</i>")
    person.type("#uris", redirect)
    person.press("form[action='/dashboard/apps'] button[type=submit]")
    client, secret = person.find("#client").text, person.find("#secret").text
    person.picture("apps")
    return App(base, client, secret, redirect)


def consent(person, app, email, scripts):
    # Of this origin alone, so from a page of it; one that asks nothing of the server.
    person.driver.get(base + "/login?switch=1")
    person.driver.delete_all_cookies()
    person.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
    url, state, verifier = app.request(scope="openid profile email credits.read credits.spend", prompt="consent")
    person.driver.get(url)
    person.type("#email", email)
    person.type("#password", "correct horse")
    person.press("button[type=submit]")
    text = person.find("main").text
    expect("Karaoke <i>Night</i>" in text and "spend your credits" in text and "$1.00" in text, text)
    if scripts:
        person.picture("consent")
    Callback.seen.clear()
    person.press("button[value=allow]")
    person.find("#back")
    person.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    code = re.search("[?&]code=([^&]+)", Callback.seen[0]).group(1)
    status, tokens = app.exchange(code, verifier)
    expect(status == 200 and "id_token" in tokens, tokens)


def checkout(person):
    person.driver.get(base + "/")
    person.press("form[action='/dashboard/topup'] button")
    person.picture("checkout")
    address = person.driver.current_url
    person.press("form[action$='/pay'] button")
    expect("$6.00" in person.find("#balance").text, person.find("#balance").text)
    # Back, and pressed again; and opened anew. A page from the browser's memory still has the button.
    person.driver.back()
    person.until(lambda: "/checkout/" in person.driver.current_url and person.find("h1").text, "the checkout")
    if person.driver.find_elements(By.CSS_SELECTOR, "form[action$='/pay'] button"):
        person.press("form[action$='/pay'] button")
    person.driver.get(address)
    person.until(lambda: person.find("h1").text == "Paid", "the paid checkout")
    person.picture("paid")
    person.driver.get(base + "/")
    expect("$6.00" in person.find("#balance").text, "paid twice:", person.find("#balance").text)
    person.picture("overview")


def keys(person):
    person.driver.get(base + "/dashboard/keys")
    person.type("#name", "laptop")
    person.press("form[action='/dashboard/keys'] button[type=submit]")
    expect(person.find("#key").text.startswith("sk-quota-"))
    person.picture("keys")
    person.driver.get(base + "/dashboard/keys")
    expect(not person.driver.find_elements(By.CSS_SELECTOR, "#key"), "the key is shown twice")


def webhooks(person):
    person.driver.get(base + "/dashboard/webhooks")
    person.type("#url", "https://127.0.0.1/inside")
    person.press("form[action='/dashboard/webhooks'] button[type=submit]")
    expect("not a public address" in person.find(".note.bad").text)
    person.type("#url", "https://nowhere.example/hook")
    person.press("form[action='/dashboard/webhooks'] button[type=submit]")
    expect(person.find("#secret").text.startswith("whsec_"))
    person.driver.get(base + "/")
    person.press("form[action='/dashboard/topup'] button")
    person.press("form[action$='/pay'] button")
    person.driver.get(base + "/dashboard/webhooks")
    expect("balance.updated" in person.find("main").text)
    person.press("form[action='/dashboard/webhooks/redeliver'] button")
    expect(person.find("main").text.count("balance.updated") >= 3, "not sent again")
    person.picture("webhooks")


def speak(person):
    person.driver.get(base + "/dashboard/try")
    person.until(lambda: person.find("#start").is_enabled(), "the script")
    Select(person.find("#voice")).select_by_index(1)
    person.find("#start").click()
    heard = lambda: float(re.sub("[^0-9.]", "", person.find("#heard").text) or 0)
    person.until(lambda: heard() > 3, "the voice")
    level = lambda id_: float(person.find(id_).get_property("value"))
    for meter in ["#in", "#out"]:
        person.until(lambda: level(meter) > 0.02, f"sound in {meter}")
    person.until(lambda: person.find("#delay").text.endswith("ms"), "the delay")
    person.picture("try")
    page = person.driver.current_window_handle
    person.driver.switch_to.new_window("tab")
    person.driver.get(base + "/")
    person.until(lambda: person.driver.find_elements(By.CSS_SELECTOR, "#live tr"), "the session on the overview")
    person.picture("live")
    person.driver.close()
    person.driver.switch_to.window(page)
    print("heard after", person.find("#delay").text, "cost", person.find("#cost").text, file=sys.stderr)
    person.find("#stop").click()
    person.until(lambda: person.find("#start").is_enabled(), "the end")
    person.driver.get(base + "/")
    person.until(lambda: "Nobody" in person.find("#live").text, "the end of the session")
    expect("elevenlabs/voice-conversion-v1" in person.find("main").text)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Callback)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    person = Person()
    try:
        email = os.urandom(6).hex() + "@mail.example"
        register(person, email)
        app = make_app(person, f"http://localhost:{server.server_port}/callback")
        consent(person, app, email, scripts=True)
        if not is_small:
            consent(person, app, email, scripts=False)
        checkout(person)
        if not is_small:
            keys(person)
            webhooks(person)
            speak(person)
        complaints = person.complaints()
        expect(not complaints, complaints)
    finally:
        person.driver.quit()
        server.shutdown()
    print("ok")


main()
