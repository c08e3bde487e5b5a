"""The chats of a firm's staff with the assistant of its personnel office."""

from fresh_eyes.made_chats import Domain, topics
from fresh_eyes.made_travel import GUESTS

_TOPICS = """
# leave
? how many days of leave do I have left?
? can I take leave in {month}?
! You have {days} days left this year.
! {month} is fine, as long as your team agrees.
! Enter it in the portal, and your manager gets a note.
? can I carry days over into next year?
? do my days of leave expire?
! Up to five days, until the end of March.
! They don't if you were ill.
! Please take them this year if you can.
+ Half days are possible, too.
+ Bank holidays don't count.
# sick
? I'm ill today, what do I have to do?
? from which day on do I need a doctor's note?
! Tell your manager before nine, that's all.
! From the fourth day on, and it comes to us by itself.
! Get well soon! I've entered it for today.
? my child is ill, may I stay at home?
? who pays me if my child is ill?
! Yes, up to {days} days a year for each child.
! The health fund pays most of it.
! You can work from home if that's easier.
+ You don't have to say what you have.
+ The portal has a form for it.
# pay
? when is my pay in the bank?
? why was my pay lower in {month}?
! On the last working day of each month.
! A bonus of the month before was taxed.
! Your tax class changed, the details are on the pay slip.
? where do I find my pay slips?
? how do I get a copy of the pay slip of {month}?
! In the portal under 'Documents'.
! I've sent it to your mailbox at work.
! They are kept there for ten years.
+ Overtime is paid with the next month.
+ New bank details need to be in by the tenth.
# remote
? how many days may I work from home?
? can I work from abroad for {days} weeks?
! Two days a week, more if your team agrees.
! Within the EU up to 30 days a year.
! Please ask your manager first, then us.
? do I get a desk for my home office?
? who pays for my screen at home?
! We lend you a screen and a chair.
! There's a budget of 300 euros.
! Order them in the portal under 'Equipment'.
+ Core hours are ten to three.
+ You stay insured at home.
# contract
? when does my contract end?
? how long is the notice period in my contract?
! It runs until the end of {month}.
! It's {days} weeks to the end of a month.
! The date is on its second page, which I've attached.
? can my contract be changed to part time?
? I'd like 30 hours a week in my contract.
! Yes, if you ask for it {days} weeks before.
! Your manager has to agree, then I write the amendment.
! That's possible from {month} on.
? does my contract allow a second job?
? may I give lessons besides, or does the contract forbid it?
! You may, if you tell us before.
! A few hours are fine unless it's for a competitor.
! Please send us a short note with the hours.
+ A copy of it is in the portal.
+ Changes are always made in writing.
# training
? how do I sign up for a course?
? is there a course on {skill}?
! Choose it in the portal, and your manager gets a note.
! Yes, the next one is in {month}.
! There are {days} places left.
? does the firm pay for a course on {skill}?
? can I take a day off for an exam?
! Up to 800 euros a year.
! If it helps with your work, yes.
! You get two days a year for it.
+ Courses count as working time.
+ Online courses are free.
"""
STAFF = Domain(
    systems=(
        "You are the assistant of the personnel office.",
        "Help staff with leave, pay and contracts. Be brief.",
        "HR desk. Friendly, short answers.",
    ),
    topics=topics(_TOPICS),
    context=(
        "I work in {team}.",
        "I started in {month}.",
        "My manager doesn't know either.",
        "I couldn't find it in the portal.",
        "I'm in my first year here.",
        "It's a bit urgent.",
        "A colleague in {team} told me to ask you.",
    ),
    opens=(
        *("", "", "", "Hello {name},", "Sure.", "Good question.", "Thanks for asking."),
        *("I've looked it up.", "Hi {name}!"),
    ),
    closes=(
        "Anything else, {name}?",
        "Just write if something is unclear.",
        "Have a nice day!",
        "My colleagues are in room 214 if you'd like to talk.",
    ),
    fields={
        "name": GUESTS,
        "days": tuple(map(str, range(3, 15))),
        "month": ("January", "March", "April", "June", "July", "October", "December"),
        "team": ("sales", "the warehouse", "accounting", "design", "the canteen"),
        "skill": ("spreadsheets", "first aid", "Spanish", "negotiation", "welding"),
    },
)
