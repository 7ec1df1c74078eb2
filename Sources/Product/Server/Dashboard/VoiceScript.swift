/// The page "Try a voice": microphone to the relay, relay to the speaker. Works on whatever has a browser.
enum VoiceScript {
    static let path = "/assets/voice.js"

    static let text = #"""
        'use strict';
        const byId = (id) => document.getElementById(id);
        const PACKET_RATE = 16000, WINDOW_BYTES = 46000;
        let call = null;

        function say(text, isBad) {
          const box = byId('state');
          box.textContent = text;
          box.className = isBad ? 'note bad' : 'note';
        }

        // The relay takes at most 1.5 times real time in any second: what a stall held back goes out no faster.
        class Sender {
          constructor(socket) {
            this.socket = socket;
            this.waiting = [];
            this.sent = [];
            this.samples = 0;
            this.marks = [];
          }

          push(packet) {
            this.waiting.push(packet);
            while (this.waiting.length > 50) this.waiting.shift();
            const now = performance.now();
            this.sent = this.sent.filter((entry) => now - entry.at < 1050);
            let bytes = this.sent.reduce((sum, entry) => sum + entry.bytes, 0);
            while (this.waiting.length && bytes + this.waiting[0].byteLength <= WINDOW_BYTES) {
              const next = this.waiting.shift();
              this.socket.send(next);
              bytes += next.byteLength;
              this.sent.push({ at: now, bytes: next.byteLength });
              this.samples += next.length;
              this.marks.push({ at: now, samples: this.samples });
              if (this.marks.length > 500) this.marks.shift();
            }
          }

          // How long the sound that ends at `samples` was on its way.
          age(samples) {
            while (this.marks.length && this.marks[0].samples < samples) this.marks.shift();
            return this.marks.length ? performance.now() - this.marks[0].at : null;
          }
        }

        async function token() {
          const answer = await fetch('/dashboard/voice-token', {
            method: 'POST', body: new URLSearchParams({ form_token: byId('try').dataset.formToken }),
          });
          if (!answer.ok) throw new Error('the server gave no token; sign in again');
          return (await answer.json()).access_token;
        }

        function connect(accessToken) {
          return new Promise((resolve, reject) => {
            const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
            const socket = new WebSocket(scheme + '//' + location.host + byId('try').dataset.relay);
            socket.binaryType = 'arraybuffer';
            let problem = 'the relay closed the connection';
            socket.onopen = () => socket.send(JSON.stringify({
              type: 'auth', token: accessToken, voice: byId('voice').value, format: byId('try').dataset.format,
              max_duration_seconds: 300,
            }));
            socket.onmessage = (event) => {
              if (typeof event.data !== 'string') return;
              const message = JSON.parse(event.data);
              if (message.type === 'ready') resolve({ socket, ready: message });
              if (message.type === 'error') problem = message.message || message.code;
            };
            socket.onclose = (event) => reject(new Error(event.reason || problem));
          });
        }

        async function start() {
          if (!navigator.mediaDevices) {
            throw new Error('browsers give pages a microphone over https alone, or on this machine: start the server '
              + 'with a certificate to use it from a phone');
          }
          say('Asking for the microphone …');
          const stream = await navigator.mediaDevices.getUserMedia({
            audio: { channelCount: 1, echoCancellation: true, noiseSuppression: false, autoGainControl: false },
          });
          const context = new AudioContext({ latencyHint: 'interactive' });
          call = { stream, context };
          await context.audioWorklet.addModule(byId('try').dataset.worklet);
          say('Connecting …');
          const { socket, ready } = await connect(await token());
          const source = context.createMediaStreamSource(stream);
          const capture = new AudioWorkletNode(context, 'quota-capture', { numberOfOutputs: 0 });
          const playback = new AudioWorkletNode(context, 'quota-playback', { numberOfInputs: 0 });
          const sender = new Sender(socket);
          let received = 0;
          let wayMilliseconds = null;
          const converterSamples = ready.delay_samples || 0;
          capture.port.onmessage = (event) => {
            byId('in').value = event.data.peak;
            if (socket.readyState === WebSocket.OPEN) sender.push(event.data.packet);
          };
          playback.port.onmessage = (event) => {
            byId('out').value = event.data.peak;
            if (wayMilliseconds === null) return;
            const total = 20 + wayMilliseconds + 1000 * (converterSamples / PACKET_RATE + event.data.bufferSeconds);
            byId('delay').textContent = Math.round(total) + ' ms';
          };
          socket.onmessage = (event) => {
            if (typeof event.data !== 'string') {
              const pcm = new Int16Array(event.data);
              received += pcm.length;
              wayMilliseconds = sender.age(received) ?? wayMilliseconds;
              byId('heard').textContent = (received / PACKET_RATE).toFixed(1) + ' s';
              playback.port.postMessage(pcm, [pcm.buffer]);
              return;
            }
            const message = JSON.parse(event.data);
            if (message.type === 'usage' || message.type === 'done')
              byId('cost').textContent = '$' + (message.credits_used / 1e6).toFixed(4);
            if (message.type === 'error') call.problem = message.message || message.code;
          };
          socket.onclose = () => stop(call && call.problem);
          Object.assign(call, { socket, source, capture, playback });
          source.connect(capture);
          playback.connect(context.destination);
          await context.resume();
          byId('stop').disabled = false;
          say('Speak: you are heard as ' + byId('voice').value + '. Headphones keep the two voices apart.');
        }

        function stop(problem) {
          const old = call;
          call = null;
          if (old) {
            if (old.socket && old.socket.readyState === WebSocket.OPEN) {
              old.socket.send(JSON.stringify({ type: 'end' }));
              old.socket.onclose = null;
            }
            if (old.source) old.source.disconnect();
            for (const track of old.stream.getTracks()) track.stop();
            old.context.close();
          }
          byId('start').disabled = false;
          byId('stop').disabled = true;
          say(problem || 'Stopped.', Boolean(problem));
        }

        byId('start').onclick = async () => {
          byId('start').disabled = true;
          try { await start(); } catch (error) { stop(error.message || String(error)); }
        };
        byId('stop').onclick = () => stop();
        byId('voice').onchange = () => {
          if (call && call.socket) call.socket.send(JSON.stringify({ type: 'voice', voice: byId('voice').value }));
        };
        byId('start').disabled = false;

        """#
}
