#!/usr/bin/env python3
"""A person at a terminal: a shell in a pseudo-terminal, keys into it, and what its screen shows.

Steps come as lines of JSON on the command line, one argument each:
  ["wait", "text", seconds]   until the screen shows the text
  ["match", "pattern", seconds]  until something on it matches
  ["gone", "text", seconds]   until it doesn't
  ["keys", "text"]            types
  ["hold", " ", seconds, "text"]  a key that repeats 30 times a second, so long at least and until the screen shows the
                              text
  ["size", columns, rows]     and waits until a program that fills the screen has drawn it anew
  ["show", "name"]            remembers the screen under a name
Prints a JSON object: name → {"lines": [...], "alternate": bool, "cursor": bool}. Ends with 1 where a wait fails.
"""
import fcntl, json, os, pty, re, select, signal, struct, sys, termios, time


class Screen:
    """As much of ECMA-48 and xterm as a line editor and a full-screen picture need."""

    def __init__(self, columns, rows):
        self.alternate, self.cursor, self.pictures = False, True, 0
        self.resize(columns, rows)

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.main, self.other = self.blank(), self.blank()
        self.x = self.y = 0

    def blank(self):
        return [[" "] * self.columns for _ in range(self.rows)]

    @property
    def cells(self):
        return self.other if self.alternate else self.main

    def newline(self):
        if self.y + 1 < self.rows:
            self.y += 1
        else:
            self.cells.pop(0)
            self.cells.append([" "] * self.columns)

    def put(self, text):
        for part in re.findall(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\][^\x07]*\x07|.", text, re.S):
            if part.startswith("\x1b["):
                self.control(part[2:-1], part[-1])
            elif part == "\r":
                self.x = 0
            elif part == "\n":
                self.newline()
            elif part == "\b":
                self.x = max(0, self.x - 1)
            elif part >= " " and len(part) == 1:
                if self.x >= self.columns:
                    self.x = 0
                    self.newline()
                self.cells[self.y][self.x] = part
                self.x += 1

    def control(self, words, final):
        if final == "H":
            self.x = self.y = 0
            self.pictures += 1
        elif final == "K":
            self.cells[self.y][self.x:] = [" "] * (self.columns - self.x)
        elif final == "J":
            if words == "2":
                self.cells[:] = self.blank()
            else:
                self.cells[self.y][self.x:] = [" "] * (self.columns - self.x)
                for row in range(self.y + 1, self.rows):
                    self.cells[row] = [" "] * self.columns
        elif final in "hl" and words == "?1049":
            if final == "h" and not self.alternate:
                self.saved = (self.x, self.y)
            if final == "l" and self.alternate:
                self.x, self.y = self.saved
            self.alternate = final == "h"
        elif final in "hl" and words == "?25":
            self.cursor = final == "h"

    def lines(self):
        return ["".join(row).rstrip() for row in self.cells]


def main():
    steps = [json.loads(step) for step in sys.argv[1:]]
    screen, shown, left = Screen(80, 24), {}, b""
    child, master = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", PS1="$ ", HISTFILE="")
        os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])

    def size(columns, rows):
        screen.resize(columns, rows)
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(seconds):
        nonlocal left
        if not select.select([master], [], [], seconds)[0]:
            return
        try:
            left += os.read(master, 65536)
        except OSError:
            return
        # A sequence or a letter may be cut in two.
        end = len(left)
        if b"\x1b" in left[-12:] and not re.search(rb"\x1b(\[[0-9;?]*[a-zA-Z]|\][^\x07]*\x07)[^\x1b]*$", left[-40:]):
            end = left.rindex(b"\x1b")
        while end and (left[end - 1] & 0xC0) == 0x80 or end and left[end - 1] >= 0xC0:
            try:
                left[:end].decode()
                break
            except UnicodeDecodeError:
                end -= 1
        screen.put(left[:end].decode(errors="replace"))
        left = left[end:]

    def wait(text, seconds, is_so, act=lambda: read(0.1)):
        until = time.monotonic() + seconds
        while not is_so("\n".join(screen.lines())):
            if time.monotonic() > until:
                print(f"terminal: no {text!r} on\n" + "\n".join(screen.lines()), file=sys.stderr)
                return False
            act()
        return True

    size(80, 24)
    good = True
    for name, *words in steps:
        if name == "wait":
            good = wait(words[0], words[1], lambda shown: words[0] in shown)
        elif name == "match":
            good = wait(words[0], words[1], lambda shown: re.search(words[0], shown))
        elif name == "gone":
            good = wait("without " + words[0], words[1], lambda shown: words[0] not in shown)
        elif name == "keys":
            os.write(master, words[0].encode())
        elif name == "hold":
            until = time.monotonic() + words[1]

            def press():
                os.write(master, words[0].encode())
                read(1 / 30)
            good = wait(words[2], words[1] + 60, lambda shown: time.monotonic() > until and words[2] in shown, press)
        elif name == "size":
            size(*words)
            # Some for the old size may be on their way.
            pictures = screen.pictures + 10
            good = wait("new picture", 60, lambda shown: not screen.alternate or screen.pictures >= pictures)
        elif name == "show":
            shown[words[0]] = {
                "lines": screen.lines(), "alternate": screen.alternate, "cursor": screen.cursor}
        if not good:
            break
    os.kill(child, signal.SIGHUP)
    os.close(master)
    os.waitpid(child, 0)
    print(json.dumps(shown))
    sys.exit(0 if good else 1)


main()
