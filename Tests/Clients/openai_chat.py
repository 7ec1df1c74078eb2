"""OpenAI's own SDK against a local Quota: openai_chat.py BASE KEY POOR_KEY. Prints one JSON object of what it saw."""
import json
import sys

import openai

base, key, poor = sys.argv[1:]
client = openai.OpenAI(base_url=base + "/v1", api_key=key, max_retries=0)
messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello there"}]
seen = {}

whole = client.chat.completions.create(model="gpt-4o-mini", messages=messages)
seen["text"] = whole.choices[0].message.content
seen["finish"] = whole.choices[0].finish_reason
seen["total"] = whole.usage.total_tokens
seen["credits"] = whole.quota["credits_used"]

parts, quota = [], None
for chunk in client.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True):
    parts.append(chunk.choices[0].delta.content or "")
    quota = getattr(chunk, "quota", None) or quota
seen["streamed"] = "".join(parts)
seen["streamed_credits"] = quota["credits_used"]

*_, last = client.chat.completions.create(
    model="gpt-4o-mini", messages=messages, stream=True, stream_options={"include_usage": True})
seen["usage_total"] = last.usage.total_tokens
seen["usage_choices"] = len(last.choices)

short = client.chat.completions.create(model="gpt-4o-mini", messages=messages, max_tokens=5)
seen["short_finish"] = short.choices[0].finish_reason
seen["models"] = [model.id for model in client.models.list()]

try:
    openai.OpenAI(base_url=base + "/v1", api_key=poor, max_retries=0).chat.completions.create(
        model="gpt-4o-mini", messages=messages)
except openai.APIStatusError as error:
    seen["poor"] = [error.status_code, error.code]
try:
    openai.OpenAI(base_url=base + "/v1", api_key="sk-none", max_retries=0).models.list()
except openai.AuthenticationError as error:
    seen["nobody"] = error.code
try:
    client.chat.completions.create(model="gpt-4o-mini", messages=[])
except openai.BadRequestError as error:
    seen["empty"] = error.code
print(json.dumps(seen))
