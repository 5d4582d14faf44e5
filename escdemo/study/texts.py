"""The fixed sentences of the study page. Plain text unless the name ends in _HTML; nothing here names a system."""

from __future__ import annotations

from annotation.files.masking import LIMITS as MASKING_LIMITS

TITLE = "Study"
SUBTITLE = "Say which of two supporters helps more. Nothing here shows who wrote what."
STEPS = ("Consent", "Instructions", "Items", "Done")
ROLES = {"lead": "lead", "rater": "rater", "reviewer": "reviewer"}

NO_LINK_HTML = """
<h2>An invitation is needed</h2>
<p>This page is for people who take part in a study. Please open the link that the study's lead sent you; it works on
any device, and takes you back to where you stopped.</p>
<p>Whoever runs this server makes a study with the link that <code>python app.py</code> prints when it starts, or with
<code>python -m annotation study create</code>.</p>
"""
SIGN_IN_TITLE = "Sign in with a password"
SIGN_IN_HINT = "For members who chose a password on an earlier visit with their link."
SIGN_IN_STUDY = "Study"
SIGN_IN_NAME = "Your member name, e.g. r3"
SIGN_IN_PASSWORD = "Password"
SIGN_IN_BUTTON = "Sign in"
SIGN_IN_CROWDED = (
    "Too many people are trying to sign in at the moment, so this attempt was not checked. Try again in ten seconds, or"
    " use your link: it always works."
)

ACCOUNT_TITLE = "Your part in this study"
ACCOUNT_WHO = "You are {name} ({role}) in the study {study}."
ACCOUNT_PASSWORD = (
    "You can come back with your link. If you set a password, you can also sign in without the link, on any device,"
    " with these two names."
)
ACCOUNT_LINK = "You can come back with your link, on any device."
PASSWORD_NEW = "New password (10 characters or more)"
PASSWORD_AGAIN = "Password again"
PASSWORD_BUTTON = "Set the password"
PASSWORDS_DIFFER = "The two passwords differ. Nothing was changed."
PASSWORD_SET = "The password is set. To sign in elsewhere: study {study}, name {name}, and this password."
SIGN_OUT_BUTTON = "Sign out"
WITHDRAW_TITLE = "Delete my answers"
WITHDRAW_TEXT = (
    "You can leave the study and take back everything you gave it. Your talks, answers and reasons are deleted,"
    " including those you handed in; they no longer count in any result, and others may be asked in your place. What"
    " stays is your number and the study's log of what was done when: no answers, no text, and no way back to you."
    " Copies that the lead has already exported cannot be deleted."
)
WITHDRAW_BUTTON = "Delete my answers and leave"
WITHDRAW_ASK = "All your answers will be deleted and your link will stop working. This cannot be undone."
WITHDRAW_SURE = "Yes, delete them and leave"
WITHDRAW_STAY = "Keep them"
WITHDRAWN = "Deleted: {items} you had handed in, and everything you had started. Your link no longer works. Thank you."
WITHDRAWN_FILES = (
    "A copy may remain in a working file of the database, because another program is reading it (a backup, for example)"
    " or because it is too big to clean up while people use it. The server will try again by itself, at the latest when"
    " it next starts."
)
WITHDRAWN_SERVER = "The database server overwrites the freed space in its own time."
WITHDRAWN_ALL = "No copy is left in the files of the database."

RELOAD = "This page has lost its connection to the server. Everything saved is safe; reload the page to continue."

CONSENT_TITLE = "Before you start"
CONSENT_HTML = """
<ul>
<li>You read conversations in which somebody seeks emotional support, and judge replies to them. Some are about grief,
fear or conflict. You may skip any item, take a break, or stop for good at any time. Under <em>Your part in this
study</em> you can delete all your answers, now or later.</li>
<li>Your answers, the reasons you write and the time you take are stored on the server that runs this page under a
number, not under your name, and may be analysed and published.</li>
<li>Please write nothing that could identify a real person.</li>
<li>If something you read troubles you, <em>Help now</em> at the top lists people to talk to.</li>
</ul>
"""
CONSENT_LIVE_HTML = """
<ul>
<li>You play invented people who seek emotional support, and talk with two computer programs. Some cards are about
grief, fear or conflict. You may skip any item, take a break, or stop for good at any time. Under <em>Your part in this
study</em> you can delete all your talks and answers, now or later.</li>
<li>What you write, the replies, your answers and the time you take are stored on the server that runs this page under a
number, not under your name, and may be analysed and published.</li>
<li>The programs can be wrong and are no help in real trouble: please play the card, and write nothing that could
identify a real person.</li>
<li>If something troubles you, <em>Help now</em> at the top lists people to talk to.</li>
</ul>
"""
CONSENT_BOX = "I have read this, I am at least 18 years old, and I agree to take part."
CONSENT_BUTTON = "Continue"
CONSENT_MISSING = "Please tick the box first. Without consent nothing is asked and nothing is stored."

GUIDE_TITLE = "Instructions"
GUIDE_PAIRS = (
    "Each item shows a conversation and what two supporters replied. Answer every question by comparing the two"
    " replies. Who is A and who is B changes from item to item."
)
GUIDE_SCORES = (
    "Each item shows a conversation and what the supporters replied. Give each reply a score on every question."
)
GUIDE_LIVE = (
    "In each item you play the person on a role card and talk with two supporters at once: both answer each of your"
    " messages. Send at least {least} messages, then end the talk. Who is A and who is B changes from item to item."
)
GUIDE_OWN = "After each message, say which of the two replies is better; each supporter remembers its own replies."
GUIDE_PREFERRED = (
    "After each message, say which of the two replies is better: the talk continues from that one, for both supporters."
    " If they are about the same, chance decides."
)
GUIDE_AFTER = "After every two messages you may give each supporter stars. After the talk, answer these questions:"
GUIDE_SAVED = (
    "Every answer is saved at once. You can change your answers, on earlier items too, until the items are closed."
)
GUIDE_KEYS_PAIRS = "Keys: 1 = A better, 0 = about the same, 2 = B better; the next question follows by itself."
GUIDE_KEYS_SCORES = "Keys: press the digit of a score; the next question follows by itself."
START_BUTTON = "Start"

SO_FAR = "The conversation so far"
OPENING = "How the conversation began"
REPLIED = "What the supporters replied"
TALKED = "How it continued with each supporter"
WHOLE_TALK = "The talk with each supporter"
SUPPORTER = "Supporter {letter}"

ROLE_TITLE = "Who you play"
ROLE_HINT = "Put yourself in this person's place. You talk with two supporters at once; both answer every message."
TALK_LEAST = "At least {least} messages are needed."
TALK_BUTTON = "Start the talk"
CHOOSE = "Which of the two replies is better? Choose, then keep writing."
PREFERENCE = "Which of the last two replies is better?"
GOES_ON = "The talk continues from the better one, for both supporters; if they are alike, chance decides."
STAYS_APART = "Each supporter continues from its own reply."
STARS = "How helpful is Supporter {letter} so far? (optional)"
END_TALK = "End the talk and judge"
END_TALK_LEFT = "End the talk (messages left: {left})"
INTENSITY_AFTER = "How strong is the emotion now, after the talk?"
PROGRESS = "Item {ordinal} · {done} of about {expected} handed in"
PROGRESS_DONE = "Item {ordinal}, handed in · {done} of about {expected} handed in"
SAVED_AT = "Saved"
LEFT = "Still open: {missing}"
COMPLETE = "Every question is answered."
NOT_SAVED_YET = "No answer is saved yet for this item."
READ_ONLY = "This item is closed; its answers are final."

REASON = "Why? (optional)"
REASON_PLACEHOLDER = "One or two sentences help us understand the answers."
SUBMIT_BUTTON = "Hand in and go on"
BACK_BUTTON = "Back"
FORWARD_BUTTON = "Forward"
UNDO_BUTTON = "Undo last answer"
PAUSE_BUTTON = "Take a break"
SKIP_BUTTON = "Skip this item"
FIRST_ITEM = "This is your first item."
SKIPPED = "Skipped. Somebody else will judge that item."
TOO_MANY = (
    "This item asks {count} questions, more than this page can show ({limit}). Please tell the study's lead: fewer"
    " systems or criteria are needed."
)

BREAK_HTML = (
    '<h2 class="esc-h2">A break</h2><p class="esc-hint">The clock has stopped. Your answers are saved; you can close'
    " this page and come back with the same link.</p>"
)
GO_ON_BUTTON = "Go on"
END_TITLE = "Thank you"
END_DONE = (
    "There are no more items for you at the moment. You handed in {done}. You can go back and change your answers until"
    " the items are closed."
)
END_CLOSED = "The study is closed. You handed in {done}. Thank you for your time."
END_WAIT = "No items are handed out at the moment. You handed in {done}; everything is saved."
LOOK_BUTTON = "Look for more items"
END_BACK_BUTTON = "Back to my last item"

REVIEW_TITLE = "Review"
REVIEW_OWN = "Give your own verdict first; afterwards you will see how the raters voted."
REVIEW_DECIDE = "Now decide what counts."
REVIEW_NONE = "No item is waiting for review at the moment. Items come here once all their raters have handed them in."
VERDICT_BUTTON = "Give my verdict"
VOTES_TITLE = "How the raters voted"
VOTES_OWN = "Your verdict"
VOTES_MAJORITY = "Majority"
NO_MAJORITY = "no majority"
IN_SAMPLE = "This item was drawn at random."
FOR_MAJORITY = "This item is here because the raters reached no majority on it."
DECISION = "What counts?"
DECISIONS = (
    ("Confirm: the majority stands", "confirm"),
    ("Correct: other answers count", "correct"),
    ("Discard: the item does not count", "discard"),
)
CONFIRM_SOME = "Confirm: the majority stands where there is one; the other questions stay without an answer"
CORRECT_HINT = "Change the answers that should count differently; the raters' answers to the others stand."
CAUSE = "Cause (to correct or discard)"
DECIDE_BUTTON = "Decide and go on"
DECISION_MISSING = "Please choose what counts: confirm, correct or discard."
DECIDED = "Decided: {decision}."
NOTHING_CORRECTED = "Every answer matches the majority. Change at least one, or confirm."

CREATE_TITLE = "A new study"
CREATE_HINT = "It begins as a draft: add items, then open it, then invite raters. A plan that cannot work is refused."
CREATE_KEY_WRONG = (
    "This link cannot make studies (any more). Use the one that python app.py printed when it last started."
)
PLAN_FILE = "Upload a plan file (JSON) instead"
NAME = "Name"
SYSTEMS = "Systems"
SYSTEMS_INFO = (
    "Choose nets on this server, which can then write the replies for you, or type the names that your items use."
    " Raters never see these names."
)
RUBRIC = "Questions"
KIND = "What is judged"
KINDS = (
    ("Imported contexts with a reply of each system", "frozen"),
    ("Live talks: each rater plays role cards with two systems", "live"),
)
RATERS = "Raters"
PER_ITEM = "Raters per item"
PAIRS = "Pairs per context"
PAIRS_INFO = "0 takes every pair of systems"
MORE = "More settings"
OVERLAP = "Overlap"
OVERLAP_INFO = "share of the items that get all their raters; the others are judged by one"
REVIEW_SHARE = "Review share"
GOLD_SHARE = "Gold share"
GOLD_INFO = "0 to 0.5; 0 in live talks, which have no known answer"
DUPLICATE_SHARE = "Duplicate share"
DUPLICATE_INFO = "0 to 1; 0 in live talks, which take place only once"
MIN_SECONDS = "Too fast below (seconds)"
SEED = "Seed"
TURN_PREFERENCE = "Live talks: ask for the better reply each turn?"
TURN_PREFERENCES = (
    ("No; each side keeps its own history", "none"),
    ("Yes; each side keeps its own history", "own"),
    ("Yes; both sides continue from the preferred one", "preferred"),
)
MIN_TURNS = "Live talks: minimum messages"
INSTRUCTIONS = "Instructions for raters"
CONSENT = "Consent text (empty: a general one)"
CONSENT_INFO = "Raters can delete their answers at any time. Say so, and say when you will export the data."
PASSWORDS = "Members may choose a password"
PASSWORDS_INFO = "to sign in with their name on another device; everybody gets a link anyway"
CREATE_BUTTON = "Make the study"
CREATED = (
    "The draft is stored. Keep this link: it is yours as the lead and opens the study again. This tab keeps it; the"
    " server cannot show it again."
)
OWN_LINK = "This tab keeps your lead's link; you can come back with it on any device."
COPY_OWN = "Copy my link"
COPY = "Copy"
EDIT_BUTTON = "Change the plan"
EDIT_TITLE = "The plan of this draft"
EDIT_HINT = "Systems, questions and what is judged can change only while the draft has no items."
SAVE_PLAN_BUTTON = "Keep these settings"
LEAVE_PLAN_BUTTON = "Leave the plan as it was"
PLAN_SAVED = "The plan is changed."
DELETE_BUTTON = "Delete the draft"
DELETE_ASK = "The draft, its items and its links will be deleted. This cannot be undone."
DELETE_SURE = "Yes, delete it"
DELETE_CANCEL = "Keep the draft"
DELETED = "The draft {name} is deleted."

READ_TAB = "Read items"
READ_FILTER = "Show"
READ_FILTERS = (
    ("All items", "all"),
    ("Raters do not all agree", "split"),
    ("No majority on a question", "open"),
    ("With a reason", "reasons"),
    ("Judged by somebody who stands out", "flagged"),
)
READ_ITEM = "Item ({count})"
READ_NONE = "There is no such item."
READ_DROP = "Take this item out"
READ_AGAIN = "Have its replies written again"
READ_EMPTY = "Take all items out"
READ_EMPTY_ASK = "All items will be taken out of the draft. This cannot be undone."
READ_EMPTY_SURE = "Yes, take them all out"
READ_DROPPED = "{key} is no longer in the draft."
READ_EMPTIED = "{count} items taken out."
READ_BEGUN = "The nets are answering this context again; their new replies will replace these (see the tab Items)."
READ_DRAFT = (
    "Nobody has seen these items yet. What you take out is gone; items made by this server's nets can be written again."
)
READ_VOTES = "What the raters said"
READ_UNJUDGED = "Nobody has handed this item in yet."
READ_MADE = "How the reply came about"
READ_REVIEWED = "The reviewer decided: {decision}."
READ_REASON = "Reason"

OVERVIEW_TAB = "Overview"
ITEMS_TAB = "Items"
PEOPLE_TAB = "People"
RESULTS_TAB = "Results"
EXPORT_TAB = "Export"
STATES = {
    "draft": "Draft: add items, then open the study.",
    "open": "Open: raters work.",
    "paused": "Paused: no new items are handed out; items already started can be finished.",
    "closed": "Closed: nothing changes any more.",
}
OPEN_BUTTON = "Open the study"
PAUSE_STUDY_BUTTON = "Pause"
RESUME_BUTTON = "Resume"
CLOSE_BUTTON = "Close for good"
CLOSE_SURE = "Yes, close it for good"
CLOSE_CANCEL = "Keep it open"
CLOSE_ASK = "Unfinished items will not count, and answers can no longer be changed."
REFRESH_BUTTON = "Refresh"
RATERS_CAPTION = (
    "Members. Seconds: median per item; first shown: decided answers for the reply shown first; known answers: correct"
    " answers to gold and onboarding items; alike when swapped: answers to duplicates that stayed the same"
)
NO_RATERS = "No rater is invited yet."
FLAGS_NOTE = "What stands out is for your information; nothing is blocked or left out because of it."

ITEMS_HINT_HTML = """
<p class="esc-hint">JSON Lines, one object per line, or CSV with the same names as columns (<code>reply:SYSTEM</code>
for replies). Either every row is imported or none.</p>
<pre class="esc-code">{"id": "d12-t4", "dialogue": "d12", "situation": "I lost my job.", "problem_type": "job crisis",
 "context": [{"speaker": "seeker", "text": "I was fired."}],
 "replies": {"net-1": "I am sorry.", "net-2": {"text": "When was that?", "strategy": "Question"}}}</pre>
<p class="esc-hint"><code>id</code>, <code>context</code> and <code>replies</code> are needed. <code>dialogue</code>
says which items belong together: no rater sees a dialogue twice. <code>"purpose": "gold"</code> (or
<code>"onboarding"</code>)
with <code>"gold": "net-1"</code> (or <code>"tie"</code>) makes an item with a known answer.</p>
"""
CARDS_HINT = (
    "Raters play these people. Choose problem types, single cards, or nothing for all; each card is played with as many"
    " pairs of systems as the plan says, and once by each rater."
)
CARDS_PROBLEMS = "Problem types"
CARDS_IDS = "Role cards"
CARDS_BUTTON = "Add role cards"
CARDS_ADDED = "Added {count} role cards."
CARDS_NONE = "All of these role cards are in the study already."
NO_TALKS = (
    "This server does not run {missing}, so nobody could talk to it. It runs {hosted}: start it with --nets {nets}, or"
    " make the study with systems that it runs."
)
ITEMS_BUTTON = "Upload items (.jsonl, .csv)"
ITEMS_COUNT = "{contexts} contexts imported, {items} items planned."
MAKE_HINT = (
    "Or let the nets on this server write the replies, with traces of how they came about: {systems} answer role cards"
    " (the opening line) or turns of ESConv (if the file is complete, only its test part, which the nets never saw)."
)
MAKE_COUNT = "Contexts"
MAKE_CARDS = "Make items from role cards"
MAKE_ESCONV = "Make items from an ESConv file"
MAKE_STOP = "Stop making items"
MAKE_DRAFT = "Items are made for a draft; this study is {state}."
MAKE_FAILED = "Nothing was imported: {why}"
MAKE_LEFT_OUT = "Left out, because a reply was held back every time it was made ({count}): {contexts}."
MAKE_ALL_HELD = "every context was left out, because a reply to each was held back every time it was made"
MAKE_STOPPED = "stopped before the last item was made"
MAKE_BROKEN = "the server could not continue; its log says why"
MAKING_ALREADY = "Items of this study are being made; wait for them to finish, or stop it."
MAKING = "Making items: {made} of {total} contexts answered. You can leave this page; all are imported at the end."
NOT_HOSTED = (
    "This server does not host {missing}. It hosts {hosted}: start it with --nets and the names of the plan, or upload"
    " the replies of the systems as a file."
)
LIVE_BUTTON = "Import finished live talks"
LIVE_HINT = "You can also import talks held on the first page while the app ran with --study and this study's name."
IMPORTED = "Imported {contexts} contexts with {replies} replies."
NO_LIVE = "There are no more finished live talks under this study's name to import."
WARNINGS = (
    "Look at these before you open the study: a rater who can recognise a system is not blind, and identical replies"
    " need no judging."
)
MORE_WARNINGS = "and {count} more"

INVITE_ROLE = "Role"
INVITE_COUNT = "How many"
INVITE_BUTTON = "Make links"
INVITED = "Send one link to each person. They are shown only once and cannot be looked up later."
REVOKE_NAME = "Member"
REVOKE_BUTTON = "Revoke the link"
REVOKED = "The link of {name} no longer works; what was handed in stays."
REVOKE_MISSING = "Choose a member first."

RESULTS_EMPTY = "Nothing has been handed in yet."
ALL_DISCARDED = "The reviewer discarded every item here, so there is nothing to draw."
NO_TRACES = (
    "No reply in this study came with a trace of how it was made, so explanations cannot be compared with the votes."
    " Items made by the nets on this server, by python -m models items, or from live talks have traces."
)
PAIR = "Pair of systems"
PREFERRED_TURNS = "Preferred turns"
"""label of the row for preferences per turn in a live study, beside its questions: the majority of each talk"""
ALL_TABLES = "All tables"
EXPORT_HINT = f"{MASKING_LIMITS} Read back, the files give the same statistics."
EXPORT_FORM = "Format"
EXPORT_FORMS = (("CSV", "csv"), ("JSON Lines", "jsonl"), ("Parquet", "parquet"))
EXPORT_BUTTON = "Prepare the files"
EXPORT_TABLES = "Tables of the papers"
EXPORT_ROWS = "{kind}: {count} rows"
