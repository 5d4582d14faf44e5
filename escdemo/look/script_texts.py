"""The sentences that the page's scripts show, as plain text."""

from __future__ import annotations

from escdemo.texts import WHY_BUTTON

SCRIPT_TEXTS = {
    "mapSelected": "Selected turns",
    "mapNothing": "Nothing is selected. Click a point, or draw around several.",
    "mapMore": "more, listed in the CSV below the map",
    "mapClose": "Close",
    "mapYou": "You",
    "mapGiven": "given",
    "mapPredicts": "predicts",
    "mapOwnTalk": "Your talk, message",
    "mapDialogue": "Dialogue",
    "mapTurn": "turn",
    "mapTalk": "Your talk",
    "mapShown": "replies on this map",
    "mapWhy": WHY_BUTTON,
    "confirm": {
        "finish": {
            "ask": "Finish the talk? You can then judge it, but add no more messages.",
            "yes": "Yes, finish it",
            "no": "Keep talking",
        }
    },
    "you": "You",
    "copied": "Copied",
    "restarted": "The server was restarted. Everything sent is saved. Copy what you are writing, then reload the page.",
    "unreachable": "The server cannot be reached at the moment. Everything sent is saved; trying again.",
    "tooLong": "This is too long, so nothing was sent. Your text is still in the box: please shorten it.",
    "reload": "Reload",
    "sideways": "Wider than the screen: move it sideways to see all words.",
    "word": "“{name}” paid most attention to {others}.",
    "toBlock": "“{name}” ({about}, {share})",
    "andToBlock": " and to ",
    "block": "“{name}” got most attention from {others}.",
    "fromWord": "“{name}” ({share})",
}
