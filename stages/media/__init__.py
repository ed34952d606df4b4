"""Video files in and out: opening, planes, colour, orientation, encoding, muxing.

Nothing in here knows about faces. What goes out is what came in except where it was edited: planes
are kept at the decoder's bit depth and subsampling, in *coded* orientation, with their own pts.
"""
