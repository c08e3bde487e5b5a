"""The chats of a bank's customers with its assistant."""

from fresh_eyes.made_chats import Domain, topics
from fresh_eyes.made_shop import NAMES

_TOPICS = """
# card
? my {card} card was declined at a {place}.
? the {place} wouldn't take my {card} card.
! The {place} sent the wrong code, so please try once more.
! Your weekly limit was reached; it starts anew on Monday.
! The chip couldn't be read, and a new {card} card is on its way.
? I can't find my {card} card.
? I think I left my {card} card at a {place}.
! You can freeze it in the app under 'Cards'; unfreezing is one tap.
! I've frozen it for you, so take your time to look.
! If it doesn't turn up in {days} days, order a new one in the app.
? when does my new {card} card come?
? I ordered a {card} card and it isn't here.
! New cards take {days} working days, and the PIN comes in its own letter.
! It was posted yesterday.
! The {card} card is being made and should be there within the week.
? can I raise the limit of my {card} card for a week?
? does the {card} card work in {country}?
! Yes; you'll see it under 'Cards', then 'Limits and countries'.
! It does, for up to {days} weeks at a time.
! Sure, and it's free with the {card} card.
? there's a payment at a {place} that I don't recognise.
? what is this charge from a {place}?
! Shops often book under another name; the details of the payment show it.
! It was made with your phone on Sunday, does that ring a bell?
! You can dispute it in the app within eight weeks.
+ Contactless payments work up to 50 euros.
+ A virtual card is ready at once.
+ Our emergency line for cards is open day and night.
+ The app shows each payment at once.
# transfer
? how long does a transfer to {country} take?
? when will my money be in {country}?
! To {country} it takes one to {days} working days.
! Normally two days, a little more around public holidays.
! By tomorrow, if you send it before four o'clock.
? I sent {amount} euros to the wrong account.
? I mistyped the account and {amount} euros are gone.
! I can ask the other bank to send it back, which takes about {days} days.
! If the name and number don't match, it comes back by itself.
! It was still pending, so I've stopped it.
? my transfer of {amount} euros hasn't arrived.
? where are the {amount} euros I sent on Monday?
! It was booked this morning and should be there by tomorrow.
! The other bank has it and needs {days} more days.
! The reference was missing, so it's being checked by hand.
? what does a transfer to {country} cost?
? are there fees for sending {amount} euros abroad?
! Within the euro area it's free; elsewhere we charge 5 euros.
! Nothing on our side, though a bank in between may take a little.
! For {amount} euros it's a flat 5 euros.
? can I set up a standing order of {amount} euros?
? is there a daily limit for transfers?
! Sure, choose 'Repeat' when you enter the transfer.
! You can set both under 'Payments'.
! The limit is 10,000 euros a day, standing orders included.
+ Instant transfers arrive in ten seconds.
+ The receipt is under 'Documents'.
+ Weekends don't count as working days.
+ A new payee needs your confirmation once.
# savings
? what interest do I get on {amount} euros?
? how much would {amount} euros earn in a year?
! The savings account pays 1.8% a year, and you can take money out at any time.
! On a fixed term of {days} years it's 2.4%.
! With the rate of today it's 18 euros a year for each thousand.
? is it better to save or to invest {amount} euros?
? I'd like to put {amount} euros aside for {days} years.
! Money that you may need soon fits a savings account; the rest can wait in a fund.
! For {days} years, a fixed-term deposit or a mixed fund are the usual choices.
! It depends on how well you sleep when prices fall.
? how risky is a share fund?
? can I lose money with an index fund?
! Share funds go up and down, and over {days} years they may also end lower.
! Yes, a third in a bad year isn't unusual.
! The risk is spread over many firms, but it doesn't go away.
? should I put money into an index fund every month?
? what's the difference between a bond and a share?
! A monthly plan spreads the purchase over good days and bad ones.
! A bond is a loan that pays interest, while a share is a piece of a firm, and an index fund holds
  many.
! Many begin with a small monthly sum in a broad fund.
+ Deposits are protected up to 100,000 euros.
+ Costs matter: compare them before you choose.
+ Three months' pay as a cushion is a common rule.
+ You can start with 25 euros a month.
# loan
? can I pay back my loan early?
? I got a bonus and want to pay off {amount} euros of the loan.
! Early repayment is possible at any time; the fee is at most 1%.
! Yes, up to {amount} euros a year are free of charge.
! Just transfer it with the loan's number as the reference.
? how much could I borrow for a car of {amount} euros?
? would I get a loan of {amount} euros?
! That depends on your income, and the calculator in the app gives a first idea.
! With a regular income {amount} euros are usually no problem.
! We lend up to the price of the car, over {days} years at most.
? what happens if I miss a payment?
? can I skip one month's rate?
! You get a reminder after {days} days; please talk to us before it comes to that.
! Once a year you can skip a rate, which makes the loan a month longer.
! Nothing bad the first time; we'd simply try again after {days} days.
? what papers do I need for a loan?
? what do I bring to the meeting about the loan?
! We need your last three pay slips and an ID.
! Proof of income, and the offer for what you buy.
! Nothing on paper: the app asks for all of it.
+ The offer stays valid for {days} days.
+ A request doesn't change your credit score.
+ You can change the date of the rate, too.
+ Insurance for the loan is optional.
# app
? the app crashes when I open it.
? I only see a white screen in the app.
! Please update to version {days}.2, which came out last week.
! Restarting the phone helps surprisingly often.
! We know of that and are working on it; the web version runs fine.
? I've got a new phone, how do I move the app?
? can I use the app on two phones?
! Install it on the new phone and scan the code that the old one shows.
! Up to three devices can be registered at a time.
! Yes, under 'Devices' you add one in {days} minutes.
? the app doesn't send me messages any more.
? I no longer hear when money comes in.
! Switch notices on under 'Settings', then 'Messages'.
! Your phone may have muted the app to save power.
! That was off since the update; I've switched it on.
? where do I find my statements?
? I need a statement from {days} months ago.
! Statements are under 'Documents', sorted by year.
! They're in the app for ten years.
! I've put it into your mailbox in the app.
+ The web version has the same functions.
+ Face recognition can be set up afterwards.
+ Your data stay on our servers in the EU.
+ The help pages have pictures of each step.
# account
? what does the account cost a month?
? is the account free for me?
! It's free with a monthly income of {amount} euros, otherwise 4 euros.
! Free until you are 27, and 4 euros a month after that.
! The basic one costs nothing, the plus one 6 euros.
? can I open an account for my daughter?
? from what age can children have an account?
! From the age of seven on, with the consent of both parents.
! Yes, in a branch or in a video call, with the birth certificate.
! Under seven we'd suggest a savings book in your name.
? how do I close my second account?
? I don't need one of my accounts any more.
! Empty it first, then choose 'Close account' in the settings.
! I can close it at the end of the month.
! Tell us where the rest should go, and it's closed in {days} days.
? I need a letter that confirms my account.
? my landlord wants a proof of my account.
! The letter is made in the app under 'Certificates', in {days} languages.
! I've put one into your mailbox.
! A statement without figures usually does; you find it under 'Certificates'.
? can my partner have access to my account?
? my partner should be able to pay from my account.
! You can give a power of attorney, with or without a card.
! A joint account may be simpler; it's set up in {days} days.
! Yes, once you've both signed in the app.
+ Both of you have to sign once, if two people are concerned.
+ The whole thing takes about {days} minutes.
+ The account number stays the same.
+ A video call is enough to prove who you are.
"""
BANK = Domain(
    systems=(
        "You are Lio, the assistant of Merian Bank. Be exact and friendly.",
        "You help customers of Merian Bank. Never ask for a PIN.",
        "Assistant of Merian Bank (retail). Answer in two to four sentences.",
    ),
    topics=topics(_TOPICS),
    context=(
        "I've been with you for {days} years.",
        "I'm travelling to {country} soon.",
        "I tried it in the app already.",
        "My advisor is on holiday.",
        "I get about {amount} euros a month.",
        "I usually pay at a {place} with it.",
        "It's about our joint account.",
        "I'm no expert in these things.",
        "A colleague recommended you.",
    ),
    opens=(
        *("", "", "", "Hello {name},", "Thank you for your question.", "Sure."),
        *("Good that you ask.", "I've looked into it.", "Hi {name}, Lio here."),
    ),
    closes=(
        "Can I do anything else for you?",
        "Your branch can help with that, too.",
        "You find more on this under 'Help' in the app.",
        "All the best, {name}!",
    ),
    fields={
        "name": NAMES,
        "days": tuple(map(str, range(2, 10))),
        "amount": ("300", "750", "1,200", "2,400", "4,000", "6,500", "9,000"),
        "card": ("debit", "credit", "gold", "student", "business"),
        "place": ("petrol station", "bakery", "car park", "hotel", "pharmacy", "ticket machine"),
        "country": ("Norway", "Japan", "Chile", "Turkey", "Canada", "Kenya", "Poland"),
    },
)
