#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A WHIP publisher and a WHEP subscriber on GStreamer's webrtcbin.

    webrtcbin_peer.py publish   URL TOKEN [SECONDS [vp8|vp9]]
    webrtcbin_peer.py subscribe URL TOKEN [SECONDS [vp8|vp9|h264]]

Both print "answered" once the server's answer is there, trickle their candidates
to it by PATCH, restart ICE by PATCH once they are connected, print "restarted"
when that has led to a new pair of candidates, and DELETE their session at the
end. `subscribe` ends with "ok" as soon as it has decoded a moving picture and
heard sound before and after the restart; whoever fails ends with a line that says
why. They stand for every client that is no browser: OBS, encoders, players.
"""

import hashlib
import sys
import time
import urllib.error
import urllib.request

import gi

gi.require_version("Nice", "0.1")
gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Nice  # noqa: E402, before GStreamer makes its type
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

OPUS = "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,encoding-params=(string)2,payload=97"
VIDEO = "application/x-rtp,media=video,encoding-name={codec},clock-rate=90000,payload=96"

# Key frames come on request only (keyframe-max-dist), so a picture at the far
# end shows that its PLI travelled all the way to this encoder.
PUBLISH = """
    webrtcbin name=rtc bundle-policy=max-bundle
    audiotestsrc is-live=true freq=440 ! audioconvert ! opusenc inband-fec=true
        ! rtpopuspay pt=97 ! {opus} ! rtc.
    videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=15/1
        ! {codec}enc deadline=1 cpu-used=8 target-bitrate=300000 keyframe-max-dist=100000
        ! rtp{codec}pay pt=96 picture-id-mode=15-bit ! {video} ! rtc.
"""

DECODERS = {"vp8": "vp8dec", "vp9": "vp9dec", "h264": "h264parse ! avdec_h264"}
H264 = ",packetization-mode=(string)1,profile-level-id=(string)42e01f,level-asymmetry-allowed=(string)1"
DECODE_VIDEO = """rtp{codec}depay request-keyframe=true wait-for-keyframe=true ! {decoder}
    ! videoconvert ! video/x-raw,format=I420 ! fakesink name=frames signal-handoffs=true sync=false"""
DECODE_AUDIO = """rtpopusdepay ! opusdec ! audioconvert
    ! level name=loudness interval=200000000 ! fakesink sync=false"""

# webrtcbin 1.22 never sinks its agent's floating reference, so Python's wrapper
# takes it over; dropping the wrapper would free the agent under webrtcbin.
ICE_AGENTS = []

DISTINCT_FRAMES = 20
LOUD_DB = -40.0  # audiotestsrc sends -3 dB; silence is -700
LOUD_INTERVALS = 5

FRAGMENT = "application/trickle-ice-sdpfrag"
STREAM, COMPONENT = 1, 1  # of the agent: all media is bundled


class Failure(Exception):
    pass


def found(sdp, start):
    """The first line that begins so."""
    return next(line for line in sdp.splitlines() if line.startswith(start))


def value(sdp, name):
    return found(sdp, f"a={name}:").split(":", 1)[1]


class Peer:
    """One webrtcbin, one HTTP exchange: the client offers, 201 is the answer."""

    def __init__(self, pipeline, url, token):
        self.url, self.token = url, token
        self.resource = None
        self.error = None
        self.loop = GLib.MainLoop()
        self.pipeline = pipeline
        self.rtc = pipeline.get_by_name("rtc")
        self.offered = False
        self.offer = None
        self.etag = None
        self.early = []  # candidates from before the answer
        self.restarting = self.restarted = False
        # Only loopback: the test must not depend on the machine's network.
        ice = self.rtc.get_property("ice-agent")
        ice.emit("add-local-ip-address", "127.0.0.1")
        ICE_AGENTS.append(ice)
        # These come on webrtcbin's threads, and are handed over to the main loop.
        self.rtc.connect("on-negotiation-needed", self.on_negotiation_needed)
        self.rtc.connect("on-ice-candidate", lambda _rtc, _line, c: GLib.idle_add(self.trickle, c))
        self.rtc.connect("notify::connection-state", lambda *_: GLib.idle_add(self.on_connection))
        self.agent = ice.get_property("agent")
        self.agent.connect("component-state-changed", self.on_component)
        bus = pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message)

    def fail(self, why):
        self.error = self.error or why
        self.loop.quit()

    def on_negotiation_needed(self, _rtc):
        if not self.offered:
            self.offered = True
            promise = Gst.Promise.new_with_change_func(self.on_offer, None)
            self.rtc.emit("create-offer", None, promise)

    # Runs on webrtcbin's thread: only hands over to the main loop.
    def on_offer(self, promise, _data):
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        self.rtc.emit("set-local-description", offer, Gst.Promise.new())
        GLib.idle_add(self.exchange, offer.sdp.as_text())

    def exchange(self, offer):
        self.offer = offer
        try:
            answer = self.post(offer)
        except (Failure, OSError) as error:
            self.fail(str(error))
            return False
        result, message = GstSdp.SDPMessage.new_from_text(answer)
        if result != GstSdp.SDPResult.OK:
            self.fail("the answer is no SDP")
            return False
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        print("answered", flush=True)
        promise = Gst.Promise.new_with_change_func(self.on_answered, None)
        self.rtc.emit("set-remote-description", description, promise)
        for candidate in self.early:
            self.trickle(candidate)
        return False

    # ---- RFC 9725 §4.3 ----

    def fragment(self, credentials, more=()):
        lines = [f"a=ice-ufrag:{credentials[0]}", f"a=ice-pwd:{credentials[1]}"]
        lines += [found(self.offer, "m="), f"a=mid:{value(self.offer, 'mid')}", *more]
        return "".join(line + "\r\n" for line in lines)

    def patch(self, body, if_match, expected):
        try:
            response = self.request("PATCH", self.resource, body.encode(), FRAGMENT, if_match)
        except (urllib.error.HTTPError, OSError) as error:
            self.fail(f"PATCH: {error}")
            return None
        if response.status != expected:
            self.fail(f"PATCH: {response.status} instead of {expected}")
            return None
        return response

    def trickle(self, candidate):
        if self.resource is None:
            self.early.append(candidate)
        elif not self.restarting:
            ours = value(self.offer, "ice-ufrag"), value(self.offer, "ice-pwd")
            more = [f"a={candidate}"] if candidate else ["a=end-of-candidates"]
            self.patch(self.fragment(ours, more), self.etag, 204)
        return False

    def on_connection(self):
        state = self.rtc.get_property("connection-state")
        if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED and not self.restarting:
            self.on_connected()
        return False

    def on_connected(self):
        """A subscriber watches for a while first."""
        self.restart()

    def restart(self):
        self.restarting = True
        if not self.agent.restart():
            self.fail("the agent does not restart")
        _, *ours = self.agent.get_local_credentials(STREAM)
        response = self.patch(self.fragment(ours), "*", 200)
        if response is None:
            return
        tag = response.headers.get("ETag")
        if tag in (None, self.etag):
            self.fail(f"restart: ETag {tag}")
        theirs = response.read().decode()
        self.etag = tag
        self.agent.set_remote_credentials(
            STREAM, value(theirs, "ice-ufrag"), value(theirs, "ice-pwd")
        )
        candidate = self.agent.parse_remote_candidate_sdp(STREAM, found(theirs, "a=candidate:"))
        self.agent.set_remote_candidates(STREAM, COMPONENT, [candidate])

    def on_component(self, _agent, _stream, _component, state):
        if self.restarting and state == Nice.ComponentState.READY:
            GLib.idle_add(self.on_restarted)

    def on_restarted(self):
        if not self.restarted:
            self.restarted = True
            print("restarted", flush=True)
        return False

    def on_answered(self, promise, _data):
        reply = promise.get_reply()
        if reply is not None and reply.has_field("error"):
            GLib.idle_add(self.fail, f"answer not accepted: {reply.to_string()}")

    def request(self, method, url, body=None, media_type="application/sdp", if_match=None):
        request = urllib.request.Request(url, method=method, data=body)
        request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.add_header("Content-Type", media_type)
        if if_match is not None:
            request.add_header("If-Match", if_match)
        return urllib.request.urlopen(request, timeout=5)

    def post(self, offer):
        try:
            response = self.request("POST", self.url, offer.encode())
        except urllib.error.HTTPError as error:
            raise Failure(f"POST: {error.code} {error.read().decode(errors='replace')}") from None
        if response.status != 201:
            raise Failure(f"POST: {response.status} instead of 201")
        if response.headers.get_content_type() != "application/sdp":
            raise Failure(f"POST: Content-Type {response.headers.get_content_type()}")
        if not response.headers.get("Location"):
            raise Failure("POST: no Location")
        self.etag = response.headers.get("ETag")
        if not self.etag:
            raise Failure("POST: no ETag")
        self.resource = urllib.request.urljoin(self.url, response.headers["Location"])
        return response.read().decode()

    def leave(self):
        """RFC 9725 §4.2: DELETE ends the session."""
        self.pipeline.set_state(Gst.State.NULL)
        if self.resource:
            with self.request("DELETE", self.resource) as response:
                if response.status != 200:
                    raise Failure(f"DELETE: {response.status}")

    def on_message(self, _bus, message):
        if message.type == Gst.MessageType.ERROR:
            error, debug = message.parse_error()
            self.fail(f"{error.message} ({debug})")

    def run(self, seconds):
        GLib.timeout_add(int(seconds * 1000), self.on_time_up)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        try:
            self.leave()
        except (Failure, OSError) as error:
            self.error = self.error or str(error)
        if self.error:
            raise Failure(self.error)

    def on_time_up(self):
        self.loop.quit()
        return False


class Publisher(Peer):
    def __init__(self, url, token, codec):
        pipeline = PUBLISH.format(codec=codec, opus=OPUS, video=VIDEO.format(codec=codec.upper()))
        super().__init__(Gst.parse_launch(pipeline), url, token)
        for i in range(2):
            transceiver = self.rtc.emit("get-transceiver", i)
            transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)


class Subscriber(Peer):
    def __init__(self, url, token, codec):
        self.codec = codec
        pipeline = Gst.Pipeline.new(None)
        pipeline.add(Gst.ElementFactory.make("webrtcbin", "rtc"))
        super().__init__(pipeline, url, token)
        self.rtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.started = time.monotonic()
        self.first_frame = None
        self.pictures = set()
        self.loud = 0
        self.rtc.connect("pad-added", self.on_pad)
        video = VIDEO.format(codec=codec.upper()) + (H264 if codec == "h264" else "")
        for caps in (OPUS, video + ",rtcp-fb-nack-pli=(boolean)true"):
            self.rtc.emit(
                "add-transceiver",
                GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY,
                Gst.Caps.from_string(caps),
            )

    def on_pad(self, _rtc, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        media = pad.get_current_caps().get_structure(0).get_string("media")
        decoder = Gst.parse_bin_from_description(
            DECODE_VIDEO.format(codec=self.codec, decoder=DECODERS[self.codec]) if media == "video" else DECODE_AUDIO, True
        )
        if media == "video":
            decoder.get_by_name("frames").connect("handoff", self.on_frame)
        self.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def on_frame(self, _sink, buffer, _pad):
        if self.first_frame is None:
            self.first_frame = time.monotonic() - self.started
        self.pictures.add(hashlib.sha256(buffer.extract_dup(0, buffer.get_size())).digest())
        GLib.idle_add(self.check)

    def on_message(self, bus, message):
        super().on_message(bus, message)
        structure = message.get_structure()
        if message.type != Gst.MessageType.ELEMENT or structure.get_name() != "level":
            return
        if max(structure.get_value("rms")) > LOUD_DB:
            self.loud += 1
        self.check()

    def is_good(self):
        return len(self.pictures) >= DISTINCT_FRAMES and self.loud >= LOUD_INTERVALS

    def on_connected(self):
        pass

    def check(self):
        if not self.is_good():
            return False
        if self.restarted:
            self.loop.quit()
        elif not self.restarting:
            self.restart()
        return False

    def on_restarted(self):
        if not self.restarted:
            self.pictures.clear()
            self.loud = 0
        return super().on_restarted()

    def run(self, seconds):
        super().run(seconds)
        if not self.restarted:
            raise Failure(f"no restart after {len(self.pictures)} pictures, {self.loud} loud intervals")
        if len(self.pictures) < DISTINCT_FRAMES:
            raise Failure(f"only {len(self.pictures)} different pictures")
        if self.loud < LOUD_INTERVALS:
            raise Failure(f"only {self.loud} loud intervals")
        print(f"first frame after {self.first_frame * 1000:.0f} ms")
        print("ok")


def main():
    if not 4 <= len(sys.argv) <= 6 or sys.argv[1] not in ("publish", "subscribe"):
        sys.exit(__doc__)
    seconds, codec = [*sys.argv[4:], *("20", "vp8")[len(sys.argv) - 4 :]]
    Gst.init(None)
    kind = Publisher if sys.argv[1] == "publish" else Subscriber
    try:
        kind(sys.argv[2], sys.argv[3], codec).run(float(seconds))
    except Failure as failure:
        sys.exit(f"{sys.argv[1]}: {failure}")


if __name__ == "__main__":
    main()
