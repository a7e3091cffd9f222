// SPDX-License-Identifier: Apache-2.0
// A WHIP publisher and WHEP player as any page may write one; install() runs in the page.

/** Defines window.Whip: everything that RFC 9725 lets a client do, with a log of the answers. */
export function install() {
  const FRAGMENT = 'application/trickle-ice-sdpfrag';
  const line = (sdp, name) => new RegExp(`^a=${name}:(.*)$`, 'm').exec(sdp)[1].trim();

  /** iceServers out of Link headers (RFC 9725 §4.6). */
  function iceServers(link) {
    return [...(link ?? '').matchAll(/<([^>]+)>;\s*rel="ice-server";\s*username="([^"]*)";\s*credential="([^"]*)"/g)]
      .map(([, urls, username, credential]) => ({ urls, username, credential }));
  }

  window.Whip = class {
    log = [];
    early = [];
    tracks = [];

    constructor(url, token, configuration = {}) {
      this.endpoint = url;
      this.token = token;
      this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', ...configuration });
      this.pc.onicecandidate = ({ candidate }) => void this.trickle(candidate);
      this.pc.ontrack = ({ track }) => this.tracks.push(track);
    }

    async request(method, url, body, headers = {}) {
      const answer = await fetch(url, { method, body, headers: { authorization: `Bearer ${this.token}`, ...headers } });
      this.log.push([method, answer.status]);
      return answer;
    }

    /** TURN servers before the offer. */
    async configure() {
      const answer = await this.request('OPTIONS', this.endpoint);
      const servers = iceServers(answer.headers.get('link'));
      this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: servers });
      return servers;
    }

    async publish() {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 180, frameRate: 15 } });
      for (const track of stream.getTracks()) this.pc.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
      await this.offer();
    }

    async play() {
      for (const kind of ['audio', 'video']) this.pc.addTransceiver(kind, { direction: 'recvonly' });
      await this.offer();
      const video = document.body.appendChild(document.createElement('video'));
      video.autoplay = true;
      video.srcObject = new MediaStream(this.tracks);
    }

    async offer() {
      await this.pc.setLocalDescription();
      const answer = await this.request('POST', this.endpoint, this.pc.localDescription.sdp, { 'content-type': 'application/sdp' });
      if (answer.status !== 201) throw new Error(`POST: ${answer.status} ${await answer.text()}`);
      this.url = new URL(answer.headers.get('location'), this.endpoint).href;
      this.etag = answer.headers.get('etag');
      this.answer = await answer.text();
      await this.pc.setRemoteDescription({ type: 'answer', sdp: this.answer });
      for (const candidate of this.early.splice(0)) await this.trickle(candidate);
    }

    fragment(sdp, more = []) {
      return [`a=ice-ufrag:${line(sdp, 'ice-ufrag')}`, `a=ice-pwd:${line(sdp, 'ice-pwd')}`,
        /^m=.*$/m.exec(sdp)[0].trim(), `a=mid:${line(sdp, 'mid')}`, ...more, ''].join('\r\n');
    }

    patch(body, match) {
      return this.request('PATCH', this.url, body, { 'content-type': FRAGMENT, 'if-match': match });
    }

    async trickle(candidate) {
      if (!this.url) {
        this.early.push(candidate);
        return;
      }
      if (candidate?.candidate && candidate.usernameFragment !== line(this.pc.localDescription.sdp, 'ice-ufrag')) return;
      const more = candidate?.candidate ? [`a=${candidate.candidate}`] : ['a=end-of-candidates'];
      await this.patch(this.fragment(this.pc.localDescription.sdp, more), this.etag);
    }

    /** RFC 9725 §4.3.3. */
    async restart() {
      this.pc.restartIce();
      const offer = await this.pc.createOffer({ iceRestart: true });
      const answer = await this.patch(this.fragment(offer.sdp), '*');
      if (answer.status !== 200) throw new Error(`restart: ${answer.status} ${await answer.text()}`);
      const ours = await answer.text();
      this.etag = answer.headers.get('etag');
      await this.pc.setLocalDescription(offer);
      const candidates = ours.match(/^a=candidate:.*$/gm).map((text) => `${text.trim()}\r\n`).join('');
      this.answer = this.answer.replace(/^a=ice-ufrag:.*$/gm, `a=ice-ufrag:${line(ours, 'ice-ufrag')}`)
        .replace(/^a=ice-pwd:.*$/gm, `a=ice-pwd:${line(ours, 'ice-pwd')}`)
        .replace(/^a=candidate:.*\r\n/gm, '').replace(/^a=end-of-candidates\r\n/gm, '')
        .replace(/^a=mid:.*\r\n/m, (mid) => mid + candidates);
      await this.pc.setRemoteDescription({ type: 'answer', sdp: this.answer });
    }

    /** In this order: a closed connection ends its session too. */
    async end() {
      const answer = await this.request('DELETE', this.url);
      this.pc.close();
      return answer.status;
    }

    async stats() {
      const report = [...(await this.pc.getStats()).values()];
      const transport = report.find((s) => s.type === 'transport');
      const pair = report.find((s) => s.id === transport?.selectedCandidatePairId);
      const local = report.find((s) => s.id === pair?.localCandidateId);
      const media = (type, kind) => report.find((s) => s.type === type && s.kind === kind) ?? {};
      return {
        connection: this.pc.connectionState, local: local?.candidateType, relayProtocol: local?.relayProtocol, ufrag: local?.usernameFragment,
        offered: line(this.pc.localDescription.sdp, 'ice-ufrag'), dtls: transport?.dtlsState,
        sent: media('outbound-rtp', 'video').framesEncoded ?? 0, frames: media('inbound-rtp', 'video').framesDecoded ?? 0,
        sound: media('inbound-rtp', 'audio').packetsReceived ?? 0, freeze: media('inbound-rtp', 'video').totalFreezesDuration ?? 0,
      };
    }
  };
}

/** Opens a page with Whip in it. */
export async function whipPage(browser, url, context = {}) {
  const page = await (await browser.newContext({ permissions: ['camera', 'microphone'], ...context })).newPage();
  await page.addInitScript(install);
  // fetch() tells a page of a request that failed, but not why. An answer that nobody reads is no failure.
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText;
    if (why !== 'net::ERR_ABORTED') console.error(`${request.method()} ${request.url()}: ${why}`);
  });
  await page.goto(url);
  return page;
}
