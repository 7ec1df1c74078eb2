/// The browser's audio thread: microphone to 16 kHz, and 16 kHz to the speaker, whatever rate the device has.
enum VoiceWorklet {
    static let path = "/assets/voice-worklet.js"

    static let text = #"""
        'use strict';
        // Band-limited resampling at any ratio: a Kaiser-windowed sinc, 24 crossings wide, read from a table.
        const CROSSINGS = 24, STEPS = 256, RATE = 16000;

        function bessel(x) {
          let sum = 1, term = 1;
          for (let k = 1; k < 40; k++) { term *= (x / (2 * k)) ** 2; sum += term; }
          return sum;
        }

        const TABLE = (() => {
          const table = new Float32Array(CROSSINGS * STEPS + 2), beta = 8;
          for (let i = 0; i < table.length; i++) {
            const x = i / STEPS, edge = Math.min(1, x / CROSSINGS);
            const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
            table[i] = sinc * bessel(beta * Math.sqrt(1 - edge * edge)) / bessel(beta);
          }
          return table;
        })();

        class Resampler {
          constructor(from, to) {
            this.step = from / to;
            // What both rates can hold, less the filter's slope.
            this.cutoff = Math.min(1, to / from) * 0.92;
            this.reach = Math.ceil(CROSSINGS / this.cutoff);
            this.held = new Float32Array(this.reach);
            this.at = this.reach;
          }

          push(input) {
            const data = new Float32Array(this.held.length + input.length);
            data.set(this.held);
            data.set(input, this.held.length);
            const output = [];
            while (this.at + this.reach < data.length) {
              const first = Math.ceil(this.at - this.reach), last = Math.floor(this.at + this.reach);
              let sum = 0;
              for (let k = Math.max(0, first); k <= last; k++) {
                const place = Math.abs(k - this.at) * this.cutoff * STEPS;
                const index = Math.floor(place);
                if (index >= CROSSINGS * STEPS) continue;
                const part = place - index;
                sum += data[k] * (TABLE[index] * (1 - part) + TABLE[index + 1] * part);
              }
              output.push(sum * this.cutoff);
              this.at += this.step;
            }
            const used = Math.max(0, Math.floor(this.at) - this.reach);
            this.held = data.slice(used);
            this.at -= used;
            return output;
          }
        }

        class Capture extends AudioWorkletProcessor {
          constructor() {
            super();
            this.resampler = new Resampler(sampleRate, RATE);
            this.packet = new Int16Array(320);
            this.filled = 0;
            this.peak = 0;
          }

          process(inputs) {
            const channels = inputs[0];
            if (!channels.length) return true;
            const mono = new Float32Array(channels[0].length);
            for (const channel of channels)
              for (let i = 0; i < mono.length; i++) mono[i] += channel[i] / channels.length;
            for (const value of this.resampler.push(mono)) {
              const clipped = Math.max(-1, Math.min(1, value));
              this.peak = Math.max(this.peak, Math.abs(clipped));
              this.packet[this.filled++] = Math.round(clipped * 32767);
              if (this.filled < this.packet.length) continue;
              this.port.postMessage({ packet: this.packet, peak: this.peak }, [this.packet.buffer]);
              this.packet = new Int16Array(320);
              this.filled = 0;
              this.peak = 0;
            }
            return true;
          }
        }

        class Playback extends AudioWorkletProcessor {
          constructor() {
            super();
            this.resampler = new Resampler(RATE, sampleRate);
            this.queue = [];
            this.queued = 0;
            this.offset = 0;
            this.isPlaying = false;
            this.peak = 0;
            this.blocks = 0;
            this.port.onmessage = (event) => {
              const pcm = event.data;
              const floats = new Float32Array(pcm.length);
              for (let i = 0; i < pcm.length; i++) floats[i] = pcm[i] / 32768;
              const samples = Float32Array.from(this.resampler.push(floats));
              if (!samples.length) return;
              this.queue.push(samples);
              this.queued += samples.length;
              // A stall's backlog would stay as delay for ever: the oldest of it goes.
              while (this.queued > sampleRate * 0.4 && this.queue.length > 1) {
                this.queued -= this.queue.shift().length - this.offset;
                this.offset = 0;
              }
            };
          }

          process(inputs, outputs) {
            const out = outputs[0][0];
            // Enough for the network's unevenness before the first sound, and after every gap.
            if (!this.isPlaying && this.queued >= sampleRate * 0.08) this.isPlaying = true;
            if (this.isPlaying) {
              for (let i = 0; i < out.length; i++) {
                if (!this.queue.length) { this.isPlaying = false; break; }
                const value = this.queue[0][this.offset++];
                out[i] = value;
                this.peak = Math.max(this.peak, Math.abs(value));
                this.queued--;
                if (this.offset >= this.queue[0].length) { this.queue.shift(); this.offset = 0; }
              }
            }
            for (let c = 1; c < outputs[0].length; c++) outputs[0][c].set(out);
            if (++this.blocks % 32 === 0) {
              this.port.postMessage({ peak: this.peak, bufferSeconds: this.queued / sampleRate });
              this.peak = 0;
            }
            return true;
          }
        }

        registerProcessor('quota-capture', Capture);
        registerProcessor('quota-playback', Playback);

        """#
}
