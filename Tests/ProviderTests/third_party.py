"""Clients of others drive the whole flow: Authlib, requests-oauthlib (on oauthlib). usage: third_party.py BASE NAME"""
import os, sys, urllib.parse
# The libraries insist on https for everything but what they are told is a test.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
import requests
from authlib.integrations.requests_client import OAuth2Session as Authlib
from authlib.jose import JsonWebKey, jwt
from authlib.oidc.core import CodeIDToken
from oauthlib.oauth2 import InvalidGrantError
from requests_oauthlib import OAuth2Session as RequestsOAuthlib
from provider import World, expect

SCOPE = "openid profile email credits.read credits.spend"


def walk(world, url):
    """The person's part: to the consent page, allow, and back with the answer."""
    page = world.browser.get(url)
    if page.status == 200:
        page = world.browser.submit(page, "/oauth/authorize", {"decision": "allow"})
    expect(page.status == 303, page, page.text[:500])
    return page.location


def verify(tokens, metadata, client_id, nonce):
    keys = JsonWebKey.import_key_set(requests.get(metadata["jwks_uri"]).json())
    claims = jwt.decode(tokens["id_token"], keys, claims_cls=CodeIDToken, claims_options={
        "iss": {"essential": True, "value": metadata["issuer"]}, "aud": {"essential": True, "value": client_id}},
        claims_params={"nonce": nonce, "client_id": client_id, "access_token": tokens["access_token"]})
    claims.validate(leeway=5)
    return claims


def authlib(base, kind="web", method="client_secret_post"):
    world = World(base)
    app = world.app(kind, redirect="http://localhost:3000/callback")
    metadata = requests.get(base + "/.well-known/openid-configuration").json()
    client = Authlib(app.client_id, app.secret, scope=SCOPE, redirect_uri=app.redirect, code_challenge_method="S256",
                     token_endpoint_auth_method=method)
    verifier = "v" * 50
    url, state = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce="n1")
    answer = walk(world, url)
    tokens = client.fetch_token(metadata["token_endpoint"], authorization_response=answer, state=state,
                                code_verifier=verifier)
    expect(set(tokens["scope"].split()) == set(SCOPE.split()) and tokens["token_type"] == "Bearer", tokens)
    claims = verify(tokens, metadata, app.client_id, "n1")
    info = client.get(metadata["userinfo_endpoint"]).json()
    expect(info["sub"] == claims["sub"] and info["email"] == world.email and claims["name"] == "Ann", info)
    old = dict(tokens)
    tokens = client.refresh_token(metadata["token_endpoint"], refresh_token=old["refresh_token"])
    expect(tokens["refresh_token"] != old["refresh_token"] and tokens["access_token"] != old["access_token"])
    expect(client.get(metadata["userinfo_endpoint"]).status_code == 200)
    client.revoke_token(metadata["revocation_endpoint"], token=tokens["refresh_token"], token_type_hint="refresh_token")
    expect(client.get(metadata["userinfo_endpoint"]).status_code == 401, "revoked tokens work")


def authlib_basic(base):
    authlib(base, method="client_secret_basic")


def authlib_public(base):
    authlib(base, kind="public", method="none")


def requests_oauthlib(base):
    world = World(base)
    app = world.app(redirect="http://localhost:3000/callback")
    metadata = requests.get(base + "/.well-known/openid-configuration").json()
    renewed = []
    client = RequestsOAuthlib(app.client_id, scope=SCOPE.split(), redirect_uri=app.redirect, pkce="S256",
                              auto_refresh_url=metadata["token_endpoint"], token_updater=renewed.append,
                              auto_refresh_kwargs={"client_id": app.client_id, "client_secret": app.secret})
    url, _ = client.authorization_url(metadata["authorization_endpoint"], nonce="n2")
    answer = walk(world, url)
    tokens = client.fetch_token(metadata["token_endpoint"], authorization_response=answer, client_secret=app.secret,
                                include_client_id=True)
    verify(tokens, metadata, app.client_id, "n2")
    expect(client.get(metadata["userinfo_endpoint"]).json()["email"] == world.email)
    # The library renews by itself what it takes to have expired.
    client.token = {**tokens, "expires_at": 1, "expires_in": -1}
    expect(client.get(metadata["userinfo_endpoint"]).status_code == 200)
    expect(len(renewed) == 1 and renewed[0]["refresh_token"] != tokens["refresh_token"], renewed)
    # And it knows our refusals by name.
    client.token = tokens
    try:
        client.refresh_token(metadata["token_endpoint"], client_id=app.client_id, client_secret=app.secret)
        raise AssertionError("a used refresh token was taken")
    except InvalidGrantError:
        pass


if __name__ == "__main__":
    globals()[sys.argv[2]](sys.argv[1])
    print("ok")
