"""The person's part of `quota-voice login`: makes an account, allows, ends at the command's own page.
usage: login.py BASE ADDRESS [deny]      prints the account's email"""
import sys
from browser import Browser
from provider import World, expect

base, address = sys.argv[1:3]
decision = sys.argv[3] if len(sys.argv) > 3 else "allow"
world = World(base)
page = world.browser.get(address)
expect(page.status == 200 and "see your balance" in page.text and "$1.00" in page.text, page, page.text)
page = world.browser.submit(page, "/oauth/authorize", {"decision": decision})
expect(page.location.startswith("http://127.0.0.1:"), page)
page = Browser().get(page.location)
expect(page.status == (200 if decision == "allow" else 400), page, page.text)
print(world.email)
