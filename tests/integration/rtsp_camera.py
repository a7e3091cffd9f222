#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""rtsp_camera.py PORT [USER PASSWORD] — a camera for tests, on loopback: /h264 with G.711 sound,
/h265, /mjpeg, and /odd whose pictures nobody knows. PORT 0: any. Says "port N" when it can be reached."""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer

PICTURE = "videotestsrc is-live=true ! video/x-raw,format=I420,width=640,height=360,framerate=25/1"
STREAMS = {
    "/h264": f"{PICTURE} ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25"
    " ! rtph264pay name=pay0 pt=96 audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1"
    " ! alawenc ! rtppcmapay name=pay1 pt=8",
    # x265 is slow: a small picture
    "/h265": f"{PICTURE} ! videoscale ! video/x-raw,width=160,height=90 ! x265enc tune=zerolatency speed-preset=ultrafast key-int-max=25 option-string=pools=1:frame-threads=1"
    " ! rtph265pay name=pay0 pt=96",
    "/mjpeg": f"{PICTURE} ! jpegenc ! rtpjpegpay name=pay0 pt=26",
    "/odd": f"{PICTURE} ! theoraenc ! rtptheorapay name=pay0 pt=96",
}

Gst.init(None)
server = GstRtspServer.RTSPServer(address="127.0.0.1", service=sys.argv[1])
if len(sys.argv) > 3:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    basic = GstRtspServer.RTSPAuth.make_basic(sys.argv[2], sys.argv[3])
    auth.add_basic(basic, token)
    server.set_auth(auth)
for path, launch in STREAMS.items():
    factory = GstRtspServer.RTSPMediaFactory(launch=f"( {launch} )", shared=True)
    if len(sys.argv) > 3:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("user", "media.factory.access", True)
        permissions.add_permission_for_role("user", "media.factory.construct", True)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory(path, factory)
server.attach(None)
print("port", server.get_bound_port(), flush=True)
GLib.MainLoop().run()
