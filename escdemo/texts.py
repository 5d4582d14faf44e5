"""The fixed sentences that a visitor sees. Plain text unless the name ends in _HTML; nothing depends on typed text."""

from __future__ import annotations

CONSENT_VERSION = "2026-11-21"
"""changes whenever the meaning of CONSENT_HTML changes; stored with every conversation"""

TITLE = "Two supporters, one conversation"
SUBTITLE = "Talk to two emotional-support models at once, see why each replied as it did, and say which helped more."
CHAT_TAB = "Chat"
FIGURES_TAB = "Figures"
MAP_TAB = "Map"
MODELS_TAB = "Models"
RESULTS_TAB = "Results"
ABOUT_TAB = "About and privacy"
STEPS = ("Situation", "Consent", "Chat", "Judge", "Result")

CONSENT_HTML = """
<h2>Before you start</h2>
<p>This page is for <strong>role play and research</strong>. You play someone who seeks support; two computer models
answer. It is <strong>not therapy</strong> and nobody reads your messages while you write.</p>
<ul>
<li>The models are small and often wrong. They can say things that are odd, unsuitable or hurtful. Do not follow their
advice.</li>
<li>Please play a role. Do not write names, addresses or anything that could identify a real person.</li>
<li>What you write, the replies and your judgment are stored on the server that runs this page, and may be analysed and
published without any link to you. Your browser keeps only a random number, which brings your talk back after a
reload, and any unfinished judgment until you save it.</li>
<li>You can stop at any time and delete everything you wrote (tab <em>About and privacy</em>).</li>
<li>If you are in distress yourself, please use <em>Help now</em> at the top of this page instead.</li>
</ul>
"""
CONSENT_BOX = "I have read this, I am at least 18 years old, and I agree to take part."
CONSENT_BUTTON = "Agree and start the talk"
CONSENT_MISSING = "Please tick the box first. Without consent nothing is stored and no talk can start."

SETUP_TITLE = "Who do you play?"
SETUP_HINT = (
    "You write as this person; two models answer each message and show why. At the end you say which helped more."
)
SETUP_READ = (
    "The models read the situation and your messages. Emotion, problem and strength are for the statistics only: they"
    " are kept with your judgment."
)
SETUP_KEPT = "Your talk is kept. The step “{step}” above takes you back to it until you start another one."
CARD_STRENGTH = "strength {intensity} of 5"
CARD_EMPTY = "Write a situation of your own below, or draw a card."
OWN_TITLE = "Choose by problem, change the card, or write your own situation"
CARD_FILTER = "Problem type"
ANY_PROBLEM = "all problem types"
CARD_CHOICE = "Role card"
OWN_SITUATION = "write my own"
DRAW_BUTTON = "Draw another card"
SITUATION = "Situation, in the seeker's own words"
SITUATION_PLACEHOLDER = "For example: I moved for work two months ago and know nobody in this town."
EMOTION = "Emotion"
PROBLEM = "Problem"
INTENSITY_BEFORE = "How strong is this emotion now?"
INTENSITY_AFTER = "How strong is the emotion now, after the talk? (optional)"
INTENSITY_LABELS = ("1 weak", "2", "3", "4", "5 strong")
PAIR = "Models"
START_BUTTON = "Play this person"
ANY_PAIR = "any two, at random"
BLIND = "Until I judge, hide which model is which and why each replied as it did"
EXAMPLE_BUTTON = "Look at an example talk"
EXAMPLE_HIDE = "Close the example"
SITUATION_NAME = "a sentence or two about the situation"
SETUP_MISSING = "Please choose an emotion, a problem and how strong the emotion is (1 to 5)."

POST = "Your message to both supporters"
POST_PLACEHOLDER = "Write as the seeker. Enter sends, Shift+Enter starts a new line."
POST_NAME = "a message"
SEND_BUTTON = "Send"
STOP_BUTTON = "Stop"
RETRY_BUTTON = "Try {side} again"
FINISH_BUTTON = "Finish and judge"
LEAVE_BUTTON = "New talk"
COPY_BUTTON = "Copy the talk"
SAVE_BUTTON = "Save the talk"
EMPTY_PANEL = "Nothing has been said yet. Your message goes to both supporters; each answers on its own."
THINKING = "thinking …"
WAITING = "waiting: {ahead} before you"
WAITING_ABOUT = "waiting: {ahead} before you, about {wait}"
HELD = "thinking … (both replies appear together)"
STOPPED = "Stopped before the reply was finished."
FAILED = "No reply came this time. Try again below."
WENT_ON = "the talk continued from here"
REPLACED = "Written by the makers of this page, not by the model."
READY = "Both have answered. Click a reply to see the reasons for it; keep writing, or finish and judge."
READY_BLIND = "Both have answered. Keep writing, or finish and judge; you see the reasons once you have judged."
ALIKE = "Both say (almost) the same. Try one again or keep writing; if nothing changes, judge “about the same”."
ALIKE_BLIND = "Both say (almost) the same. Keep writing; if nothing changes, judge “about the same”."
WORKING = "The supporters are thinking."
ONE_MISSING = "One reply is missing. Try it again, then keep writing."
BOTH_MISSING = "Both replies are missing. Try them again, then keep writing."
FIRST_POST = "Send the first message to begin."
NOT_ENGLISH = (
    "This does not look like English. The small models here were trained on English only: they will answer, but may not"
    " have understood."
)
TOO_MANY_POSTS = (
    "This talk has reached its limit of {limit} messages. Everything is saved: please finish and judge it, or start a"
    " new one."
)
BUSY = "The server is busy. Your message is saved; please try the missing replies again in a minute."
STORE_DOWN = "The database did not answer, so nothing was changed. Please try again in a moment."
NO_TALK = "There is no talk to continue here. Please start one."

JUDGE_TITLE = "Which supporter did better?"
JUDGE_HINT = (
    "Keys: 1 = A better, 0 = about the same, 2 = B better; the next question follows by itself. Or use Tab and the"
    " arrow keys. A saved judgment is final."
)
VOTES = (("A better", "a"), ("About the same", "tie"), ("B better", "b"))
REASON = "Why? (optional)"
REASON_PLACEHOLDER = "One or two sentences help us understand the vote."
REASON_NAME = "a reason"
JUDGE_BUTTON = "Save my judgment"
VOTES_MISSING = "Please judge every criterion; missing: {missing}."
SAVED_VOTE = "Your judgment is saved. Thank you."
ALREADY_JUDGED = "This talk has already been judged. Your first judgment counts and nothing was changed."
NEW_BUTTON = "New conversation"

WHY_EMPTY = "Once there is a reply, this shows how it came about."
NO_BLOCKS = "No commonsense knowledge went into the words of this reply."
BLOCKS_TOGETHER = "This model joins its commonsense before it writes, so it attends to no single piece of it."
NO_STRATEGY = "predicts no strategy"

RESULTS_TITLE = "Results so far"
RESULTS_EMPTY = "No judgment has been saved yet. Results appear after the first vote."
RESULTS_HIDDEN = (
    "The results of a study are for its lead: they name the models and say which is ahead, so nobody who talks here"
    " should see them before the study is over. To open them, use the lead's link or the link that makes studies."
)
RESULTS_LINK = "Lead's link"
RESULTS_PAIR = "Pair of models"
REFRESH_BUTTON = "Refresh"

LOADING = "Loading …"
FIGURES_TITLE = "What the models choose"
FIGURES_HINT = (
    "The papers' figures, drawn for the models that run here. Each model was asked for its strategy on real turns of"
    " ESConv that people had annotated, without the instruction to be warm that usually goes before a talk here; the"
    " file behind a figure contains no text from them. Saved pictures suit a light page."
)
FIRST_NET = "Model"
SECOND_NET = "Beside it"
NO_SECOND = "no other model"
NO_FIGURES = "No figures to show:"
TALK_FIGURE = (
    "Which strategies appeared in your talk?",
    "One point for each reply, one line for each model. Where the lines meet, both chose the same strategy.",
)
NO_TALK_FIGURE = "No reply has a strategy yet. Start a talk in the Chat tab, then come back."
BLIND_TALK_FIGURE = "The strategies of your talk appear once you have judged it: they would give the models away."
OTHER_TURNS = (
    "The two models were analysed on different turns: part of any difference may come from the turns. What annotators"
    " chose is shown for the first model."
)
FIGURES = {
    "stages": (
        "Which strategies come when?",
        "Each conversation is cut into five equal parts. If a model follows the order that people follow (first ask,"
        " then comfort, then suggest), its picture looks like the annotators'. The last pictures show the difference.",
    ),
    "top-k": (
        "How many guesses does it need?",
        "How often the annotated strategy is among the k that the model finds most probable. Several may fit a turn, so"
        " the second and third guess say more than the first.",
    ),
    "distribution": (
        "Does it use each strategy as often as people do?",
        "How often annotators chose each strategy, and for how many turns it is the model's first guess.",
    ),
    "confusion": (
        "Which strategies does it mix up?",
        "Rows: what annotators chose. Columns: the model's first guess. On the diagonal, the model is right.",
    ),
    "interference": (
        "Do its goals pull against each other?",
        "A model learns to write replies and to choose strategies at once. Above 0 (orange), a training step for one"
        " helps the other; below 0 (blue), it undoes some of it. Each part of the model has its own matrix.",
    ),
}
"""section -> the question that it answers, and how to read its figures"""

MODELS_TITLE = "Who answers here"
MODELS_HINT = "The models on this server, in plain words. This page does not say which of them are A and B in a talk."
NETS_HIDDEN = (
    "This tab opens once you have judged your talk. Before that, the list of models would show which ones take part."
)
TABLES_TITLE = "The papers' tables, with these models below"
TABLES_HINT = (
    "Published rows as printed. Splits, tokens and backbones differ, so compare within a table only, and with care."
    " Ours stand below with 95 % intervals. ACC: strategy accuracy, F1: macro F1, P and R: macro precision and recall,"
    " all in percent; PPL: perplexity per token; D: distinct n-grams, B: BLEU, R-L: ROUGE-L."
)
TABLE_FOLD = "{source}: {published} rows as published, {ours} from here"
OURS = "here"
OWN_NET = "A model added by whoever runs this server."
NOT_MEASURED = "not measured"
NOT_STATED = "not stated"

ERASE_TITLE = "Delete my data"
ERASE_TEXT = (
    "Deletes every talk held in this browser: your messages, the replies, their explanations and your judgments. This"
    " cannot be undone."
)
ERASE_BUTTON = "Delete my data"
ERASE_SURE = "Yes, delete everything"
ERASE_CANCEL = "Keep it"
ERASED = {
    "none": "Deleted. Nothing you wrote in this browser is stored any more.",
    "files": (
        "Deleted: no page, result or export shows it any more. A copy may remain in a working file of the database,"
        " because another program is reading it (a backup, for example) or because it is too big to clean up while"
        " people use it. The server will try again by itself, at the latest when it next starts."
    ),
    "server": (
        "Deleted: no page, result or export shows it any more. The database server overwrites the freed space in its"
        " own time."
    ),
}
"""result of `annotation.store.erasure.remains` -> sentence"""
ERASE_FAILED = (
    "Nothing was deleted: the database did not answer, or the server's disk is full. Please try again in a moment; if"
    " it keeps failing, tell whoever runs this server."
)
NOTHING_TO_ERASE = "Nothing was stored for this browser."
MAP_TITLE = "Where replies lie inside the nets"
MAP_HELP = (
    "Each point is a supporter turn: the mean of the net's decoder states while it writes the reply (those it picks"
    " words from). Turns that the net treats alike lie close together. t-SNE shows which turns are neighbours, not"
    " distances; PCA is a plain projection. K-means has 8 clusters, one for each strategy (STAR, figure 4). Click a"
    " point or draw around several: the same turns are marked on both maps and listed."
)
MAP_PATH_HELP = (
    "Your talk is the dotted path, with a number for each message. PCA places a reply exactly; t-SNE cannot place new"
    " points, so there the reply is at the weighted mean of its eight nearest turns."
)
MAP_FIGURES_HELP = (
    "Silhouette, -1 to 1: how much nearer a turn lies to its own group than to the next. NMI, 0 to 1, and ARI, 0 at"
    " chance, 1 when equal: how well the clusters of K-means match the strategies of the given replies."
)
MAP_HIDDEN = (
    "The map opens once you have judged your talk. Before that, a path on the map of a named model would show which"
    " side is which, and the list of models would show which ones take part."
)
MAP_NO_TALK = "No talk is in progress, so there is no path yet. Start one in the Chat tab, then come back or refresh."
MAP_NO_PATH = "Your talk has no reply by {net}, so there is no path on its map."
MAP_NO_REPLY = "The nets have not answered in your talk yet, so there is no path."
MAP_PLACING = "Placing replies from your talk on the maps: {left} left ..."
MAP_NO_STATES = "The states of {net} cannot be read here, so your talk has no path on its map."
MAP_MISFIT = "Your talk cannot be placed on the map of {net}: its states have a different width. Make the map again."
MAP_MISSING = "There is no map of {net} yet. Make it with: python -m models map {net} --esconv PATH"
MAP_OWN_MISSING = "There is no map of your talks through {net} yet. Press the button to make it."
MAP_OWN_OLD = "Your talks have gone on since this map was made. Make it again to see the new replies."
MAP_OTHER_TURNS = "These two maps show different turns: only turns that are on both maps are marked on both."
MAP_SOURCES = {"esconv": "ESConv", "own": "my own talks"}
MAP_MAKE = {"esconv": "Make new maps from ESConv", "own": "Make maps of my talks"}
MAP_MAKING = "Making the map of {net}: {done} of {total} replies read"
MAP_READING = "Reading the conversations ..."
MAP_MADE = "The new maps are ready."
MAP_NO_ESCONV = "This server's copy of ESConv cannot be used; whoever runs the server can fix that."
MAP_SHIPPED = "Shown instead: the map that came with this version."

ABOUT_HTML = """
<h2>What this is</h2>
<p>A workbench for emotional-support dialogue models. A visitor plays a help-seeker and talks to two models that answer
the same messages; panels show why each replied as it did (support strategy, commonsense knowledge, emotion); a pairwise
judgment ends the talk. The models were trained on ESConv (Liu et al. 2021).</p>
<h2>Limits</h2>
<ul>
<li>Not therapy, not advice, not for people in crisis.</li>
<li>The models are small, know English only, and forget the beginning of a long talk.</li>
<li>The explanations show what the computation attended to. Attention is a hint, not a proof of cause.</li>
<li>The crisis check is a list of phrases. It misses some messages and sometimes triggers needlessly. The same is true
of the check on replies: after a sign of danger, only a reply that takes it seriously is shown. Otherwise the model is
asked again, and if that does not help, a sentence of ours replaces the reply and says so.</li>
</ul>
<h2>Your data</h2>
<p>Anyone may see the results of the demo: they count votes, show no text, and are not part of any study. The
results of a study are for its lead.</p>
<p>Stored on this server: your messages, the replies with their explanations, your judgment and the times. Not stored:
your name, your address, your browser. There are no trackers and no outside fonts or scripts.</p>
"""

INSIDE_TAB = "Look inside"
INSIDE_TITLE = "Why these replies?"
INSIDE_HINT = (
    "Choose a message to see how both replies to it came about. Words and commonsense light each other up: point at"
    " one, or move with the arrow keys."
)
INSIDE_TALK = "Talk"
INSIDE_MESSAGES = "Messages of the talk"
INSIDE_SIDE = "How {name} came to its reply"
INSIDE_WORDS = "The reply word by word"
INSIDE_GATE = "Bar below a word: {name}."
INSIDE_SITUATION = "Commonsense about the situation"
INSIDE_POST = "Commonsense about the last message"
INSIDE_LINK = "Link to this message (opens in this browser only)"
INSIDE_COPY = "Copy the link"
INSIDE_BLIND = "The reasons would give away the models in this talk: you can see them once you have judged it."
INSIDE_LOST = "That talk is not stored for this browser: it belongs to another one or was deleted."
INSIDE_NO_TURN = "This talk has no such message; it has only {count}. Shown instead: message {shown}."
INSIDE_PENDING = "This reply is not finished; its reasons come with it."
INSIDE_REPLACED = "Written by the makers of this page, so there is nothing from the model to look into."
INSIDE_DIFFERENCES = "What differs"
INSIDE_SETTINGS = "Settings, times and tokens"
INSIDE_ATTENTION = "Attention figures, to save"
INSIDE_PASTED = "The pasted dialogue"
INSIDE_REFERENCE = "In the pasted dialogue the supporter said"
WHY_BUTTON = "Why?"
WHY_BUTTON_LABEL = "Why? {name}'s reply to message {number}"
PASTE_TITLE = "Look into another dialogue"
PASTE_LABEL = "Dialogue"
PASTE_INFO = "One line for each turn, or one ESConv record as JSON. None of it is stored."
PASTE_PLACEHOLDER = "seeker: I moved and know nobody here.\nsupporter: What do you miss most?\nseeker: My friends."
PASTE_SITUATION = "Situation (optional)"
PASTE_BUTTON = "Look inside"

WHAT_IF_TITLE = "What if? Change something inside {name}"
WHAT_IF_HINT = "What if: the reply is made again with the same seed. None of it is stored, and no vote changes."
WHAT_IF_OFF = (
    "\u201cWhat if?\u201d is for the demo. In a study it is off, before and after the vote: changed replies could give"
    " a model away and sway later judgments."
)
WHAT_IF_NOTHING = "{name} has no input that could be changed: no strategy, no knowledge and no emotion."
WHAT_IF_WITHOUT = "No control here for: {what}. {name} takes no such input."
WHAT_IF_STRATEGY = "Strategy"
WHAT_IF_AS_IT_IS = "as it chose"
WHAT_IF_MIXTURE = "Mixture of strategies (the others adjust)"
WHAT_IF_KNOWLEDGE = "Commonsense that it may read"
WHAT_IF_ALL = "all knowledge"
WHAT_IF_PIECES = "single pieces ({count})"
WHAT_IF_EMOTION = "Emotion heard in the last message"
WHAT_IF_AS_HEARD = "as heard: {emotion}"
WHAT_IF_RUN = "Make the reply again"
WHAT_IF_RESET = "Reset"
WHAT_IF_SAME = "Nothing is changed yet: move a control first."
WHAT_IF_ODD = "This change cannot be made. Reset the form, or reload the page."
WHAT_IF_ORIGINAL = "Original reply"
WHAT_IF_NEW = "New reply"
WHAT_IF_EQUAL = "The reply stays the same, word for word."
WHAT_IF_STRATEGIES = "Strategy: before {before}, now {after}."
WHAT_IF_LESS = "With the change, each token of the original reply is {times} times less likely on average."
WHAT_IF_MORE = "With the change, each token of the original reply is {times} times more likely on average."
WHAT_IF_AS_MUCH = "With the change, the original reply is just as likely as before."
WHAT_IF_HEAD = ("", "as it is", "changed", "change")
WHAT_IF_CAPTION = "Log-likelihood per token, in nats (higher is likelier)"
WHAT_IF_FAILED = "The reply could not be made again. Please try once more."
WHAT_IF_ABSENT = "{name} is not loaded in this run of the app, so nothing can be changed in it."
INSIDE_BUSY = "The server is busy. Please try again in a minute."
INSIDE_UNKNOWN = "models not shown yet"
PASTE_NOTHING = "There is no message from the seeker to answer; paste at least one."
