"""A browser without a screen: cookies by origin, forms as HTML has them, redirects one at a time. Standard library alone."""
import html.parser, http.client, urllib.parse


class Page:
    def __init__(self, url, status, headers, body):
        self.url, self.status, self.headers, self.text = url, status, headers, body.decode("utf-8", "replace")
        self.forms, self.links = [], []
        reader = _Reader(self)
        reader.feed(self.text)

    @property
    def location(self):
        target = self.headers.get("Location")
        return urllib.parse.urljoin(self.url, target) if target else None

    def form(self, action):
        """The form that goes to `action`."""
        for form in self.forms:
            if urllib.parse.urlsplit(form["action"]).path == action:
                return form
        raise AssertionError(f"no form to {action} on {self.url} ({self.status}): {self.text[:2000]}")

    def __repr__(self):
        return f"<{self.status} {self.url}>"


class _Reader(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.page, self.open, self.area = page, None, None

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "form":
            self.open = {"action": values.get("action", ""), "method": values.get("method", "get"), "fields": []}
            self.page.forms.append(self.open)
        elif tag == "a":
            self.page.links.append(values.get("href", ""))
        elif self.open is not None and tag == "input" and "name" in values:
            if values.get("type") not in ("checkbox", "radio") or "checked" in values:
                self.open["fields"].append((values["name"], values.get("value", "on")))
        elif self.open is not None and tag == "textarea":
            self.area = [values["name"], ""]
        elif self.open is not None and tag == "select":
            self.select = values["name"]
            self.open["fields"].append((values["name"], ""))

    def handle_data(self, data):
        if self.area is not None:
            self.area[1] += data

    def handle_endtag(self, tag):
        if tag == "textarea" and self.area is not None:
            self.open["fields"].append(tuple(self.area))
            self.area = None
        if tag == "form":
            self.open = None


class Browser:
    def __init__(self):
        self.jars, self.headers = {}, {}

    def request(self, method, url, body=None, headers=None):
        parts = urllib.parse.urlsplit(url)
        jar = self.jars.setdefault(parts.hostname, {})
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        sent = {**self.headers, **(headers or {})}
        if jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        target = parts.path + ("?" + parts.query if parts.query else "")
        connection.request(method, target or "/", body, sent)
        answer = connection.getresponse()
        page = Page(url, answer.status, answer.headers, answer.read())
        connection.close()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, rest = line.partition("=")
            value, *attributes = [part.strip() for part in rest.split(";")]
            if any(attribute.lower() == "max-age=0" for attribute in attributes):
                jar.pop(name, None)
            else:
                jar[name] = value
        return page

    def get(self, url, **more):
        return self.request("GET", url, **more)

    def post(self, url, fields, headers=None):
        body = urllib.parse.urlencode(fields)
        type_ = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request("POST", url, body, {**type_, **(headers or {})})

    def submit(self, page, action, changes=None, headers=None):
        """Sends a form as it stands, with some fields changed; a change to None leaves a field out."""
        form, changes = page.form(action), changes or {}
        fields = [(name, value) for name, value in form["fields"] if name not in changes]
        fields += [(name, value) for name, value in changes.items() if value is not None]
        return self.post(urllib.parse.urljoin(page.url, form["action"]), fields, headers)

    def follow(self, page, within):
        """Goes on while the answers lead to `within`, an origin."""
        for _ in range(10):
            if page.location is None or not page.location.startswith(within):
                return page
            page = self.get(page.location)
        raise AssertionError("redirects without end")

    def register(self, base, email, password="correct horse", name="Ann", next_="/dashboard/apps"):
        page = self.get(base + "/register?next=" + urllib.parse.quote(next_, safe=""))
        return self.submit(page, "/register", {"email": email, "password": password, "name": name})

    def sign_in(self, base, email, password="correct horse"):
        return self.submit(self.get(base + "/login"), "/login", {"email": email, "password": password})
