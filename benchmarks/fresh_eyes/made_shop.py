"""The support chats of an outdoor and household shop."""

from fresh_eyes.made_chats import Domain, topics

_GOODS = {
    "Corvane": ("kettle", "toaster", "coffee grinder", "hand blender", "rice cooker"),
    "Halmar": ("tent", "sleeping bag", "trail backpack", "camping stove", "rain poncho"),
    "Tindra": ("desk lamp", "floor lamp", "headlamp", "fairy lights", "bedside lamp"),
    "Oakwell": ("cutting board", "bread box", "bath stool", "coat rack", "spice shelf"),
}
PRODUCTS = tuple(f"{brand} {good}" for brand, goods in _GOODS.items() for good in goods)
NAMES = (
    *("Aisha", "Bram", "Carmen", "Dilan", "Edda", "Finn", "Greta", "Hugo", "Ines", "Jakub"),
    *("Kira", "Lorenzo", "Malik", "Nadia", "Oskar", "Paula", "Rosa", "Stefan", "Tarek", "Vera"),
)
_TOPICS = """
# late
? my {product} was supposed to be here {days} days ago.
? I'm still waiting for the {product}.
? the {product} should have come last {weekday}.
! The depot in {city} had a backlog, so the {product} should arrive within {days} days.
! Sorry for the wait; the carrier now promises {weekday}.
! I see that it left {city} this morning, so it can't be long.
? the tracking of the {product} has shown the same depot for {days} days.
? the parcel with my {product} seems to be stuck.
! It looks as if the label was scanned twice, which held the parcel up in {city}.
! I've opened a search with the carrier, and we'll hear back by {weekday}.
! It was left behind in {city} and goes on with the next lorry.
? any idea when the {product} will reach me?
? has the {product} been shipped yet?
? can you tell me where the {product} is?
! Your {product} is packed and goes out on {weekday}.
! It's on its way from {city} and due on {weekday}.
! Not yet, the {product} leaves us in {days} hours.
? the courier says my {product} was delivered, but nothing is here.
! In most such cases a neighbour has it; I've asked the driver to be sure.
! The driver in {city} noted a safe place, perhaps behind the house?
! I'm sorry. I've asked for proof of delivery, which takes until {weekday}.
+ If it isn't there by then, we'll send a second one.
+ You'll get a message with a time window on the day.
+ You can also have it left at a shop.
+ I've refunded the shipping cost.
# broken
? the {product} I unpacked today has a crack.
? one side of the {product} is dented.
? the {product} arrived with scratches all over.
! I'm sorry about that; a new {product} leaves our warehouse on {weekday}.
! Please send us a photo, and we'll replace the {product} or refund you.
! That shouldn't happen. Was the box damaged, too?
? my {product} stopped working after {days} days.
? the {product} doesn't do anything any more.
! That is covered, so you can choose between a repair and a new one.
! Let's swap it: the courier brings a new {product} on {weekday}.
! A {product} should last for years, so we'll make that good.
? there's a part missing in the box of the {product}.
? the screws of the {product} weren't in the box.
! The missing part goes out today and weighs so little that it comes as a letter.
! I'll send it from {city}; it takes about {days} days.
! We can ship the part or take the whole {product} back, as you like.
? the {product} makes a strange rattling noise.
? something in my {product} smells burnt.
! Please stop using it for now; we'll swap it free of charge.
! That sounds like a loose part, which our workshop in {city} fixes within {days} days.
! Better safe than sorry: put it aside, and we'll pick it up on {weekday}.
+ The courier takes the old one along.
+ Keep the packaging until then, please.
+ There is nothing to pay for you.
+ Repairs take about {days} working days.
# return
? I'd like to send the {product} back.
? I changed my mind about the {product}.
? the {product} doesn't suit our flat, what are my options?
! You have 30 days, and the label is in your account under 'Returns'.
! Of course. Drop it at any parcel shop in {city} and keep the receipt.
! Sure, pack the {product} well and stick the label over the old one.
? how do returns work for a {product} I got as a gift?
? my {relative} gave me the {product}, may I return it?
! Gifts are returned for store credit; all I need is the receipt.
! With the gift receipt it's easy: you get a voucher, and the giver isn't told.
! Yes, and you choose between a voucher and another {product}.
? is it too late to return a {product} after {days} days?
? how long do I have to return the {product}?
! {days} days is fine, you're well within the time.
! You have 30 days from delivery.
! No need to hurry, 30 days is what we give.
? can I swap my {product} for another one?
? I'd rather have a smaller {product}, is an exchange possible?
! An exchange is free: choose the other one, and we'll send both labels.
! Gladly, the new one is sent as soon as the old one is scanned.
! Yes; our shop in {city} does it on the spot.
+ The refund takes up to {days} working days.
+ You needn't give a reason.
+ Bulky goods are picked up at your door.
+ Please include all the parts.
# stock
? will the {product} be back before {weekday}?
? the {product} is sold out, when do you get more?
! We expect the next batch on {weekday}.
! The maker is late, so it may take {days} weeks.
! It's back sooner than that: the lorry comes tomorrow.
? do you have the {product} in grey?
? which colours does the {product} come in?
! It comes in sand, grey and dark green.
! Not in all shops, but online you can have it in grey and in blue.
! Grey is gone, I'm afraid; the maker has stopped that colour.
? is the {product} sold in your shop in {city}, too?
? can I see a {product} in {city}?
! The shop in {city} has {days} of them right now.
! Yes, it's on the upper floor.
! Only online at present, though {city} can order one for you to look at.
? how many of the {product} do you have left?
? I need {days} of the {product}, is that possible?
! There are {days} left at the moment.
! More than enough, our shelves are full.
! I can see 40 of them, and more in {city}.
+ I can put you on the waiting list.
+ The shop can hold one for you until the evening.
+ Shall I show you something similar?
+ Prices online and in the shop are the same.
# care
? what's the best way to clean the {product}?
? can I put the {product} into the dishwasher?
! Wipe it with a soft, damp cloth and let it dry in the air.
! No dishwasher, please; the heat harms the finish of the {product}.
! Lukewarm water and a drop of soap are all the {product} needs.
? may the {product} get wet?
? is the {product} fine outdoors?
! Light rain does no harm, but dry the {product} before you put it away.
! It stands a shower, not a storm.
! Short spells outdoors are fine; overnight I'd take it in.
? how should I store the {product} over the winter?
? where do I keep a {product} that isn't used?
! Keep it in a dry place, loosely covered, and away from heaters.
! A shelf in the cellar is fine as long as it's dry.
! In its box, with a little paper against the damp.
? is it normal that a new {product} smells a little?
? how often should I service the {product}?
! Yes, that goes after {days} days or so in a well-aired room.
! Once a year is plenty, and you can do that yourself.
! A smell in the beginning is normal, and service isn't needed in the first year.
+ Harsh cleaners leave marks.
+ The manual on the product page shows how.
+ A drop of oil now and then does it good.
+ For stains, a little vinegar helps.
# payment
? I was charged twice for the {product}.
? there are two payments for one {product}.
! One of the two is a hold, which your bank lets go within {days} days.
! I see it, and the second one is on its way back.
! That was our mistake; you'll have it back by {weekday}.
? why is the {product} dearer in the cart than on the page?
? what's the extra fee for the {product}?
! The cart adds the fee for bulky goods, which I've taken off this once.
! The sale ended on {weekday}, but I'll give you the old price.
! That's the shipping, free from 50 euros on.
? can I pay for the {product} in three parts?
? do you take bank transfers for a {product}?
! Yes, choose that at the checkout; it costs nothing extra.
! We do; the order ships as soon as the money is here.
! That's possible from 40 euros on.
? the invoice of the {product} has my old company's name on it.
? I need another invoice for the {product}.
! I've corrected the invoice and sent it again.
! Tell me the right name, and you'll have it in {days} minutes.
! You can change it under 'Documents' for {days} days.
+ The new total shows when you reload.
+ Your bank can tell you the exact day.
+ Invoices stay in your account for ten years.
+ Cards and wallets work as well.
# login
? I can't get into my account any more.
? the shop says that my login is wrong.
! I've unlocked it, please try again in {days} minutes.
! Clearing the cookies of our site helps in most cases.
! It was locked after {days} tries and is open again.
? the mail for a new password never comes.
? I asked for a reset {days} times and got nothing.
! Please look into the spam folder; the link is valid for an hour.
! There's a typo in your address, which I've corrected.
! Our mails were late today, so it should be there by now.
? how do I change the email address of my account?
? I have two accounts, can you merge them?
! You can do that under 'Profile', then 'Contact'.
! Done; everything shows up within the hour.
! Write to us from the old address, and we'll do it by {weekday}.
? the site logs me out every {days} minutes.
? the app says that my session has expired.
! An update of the app came out on {weekday}, and it fixes just that.
! Please tick 'Stay signed in'; without it you're logged out quickly.
! That comes from a blocker in the browser, in most cases.
+ A private window works as a quick test.
+ You'll get a mail to confirm it.
+ Your points are kept.
+ If it happens again, tell us which browser you use.
# warranty
? how long is the warranty on the {product}?
? what does the warranty of the {product} cover?
! All of ours come with two years from the day of delivery.
! Faults in material and making, for two years.
! Two years for the {product}, and longer for some of its parts.
? my {product} broke after {days} months, is that covered?
? does the warranty hold if I bought the {product} second-hand?
! Yes, as long as the invoice is there.
! It is, if it's a fault in material or making.
! Covered, and the repair costs you nothing.
? do I need the box of the {product} for a warranty claim?
? what do I need for a claim on my {product}?
! The box isn't needed, only the invoice, which I can send you.
! Just a photo and the serial number.
! A short form on the page 'Service' does.
? can you repair a {product} that is out of warranty?
? what does the repair of a {product} cost?
! We can; a repair costs a flat fee and takes {days} working days.
! Our workshop in {city} looks at it and tells you the price first.
! Often it's just one part that we can send for {days} euros.
+ Wear and tear are excluded.
+ Batteries have one year.
+ Damage by falls isn't part of it.
+ Our workshop in {city} does that.
"""
SHOP = Domain(
    systems=(
        "You are the assistant of Fellbrook, an outdoor and household shop. Be brief and kind.",
        "You answer customers of Fellbrook. Don't promise what the shop can't keep.",
        "Fellbrook support assistant. Tone: warm, clear. Language: English.",
        "You help customers of Fellbrook with orders, returns and products.",
    ),
    topics=topics(_TOPICS),
    context=(
        "I bought it for my {relative}.",
        "I ordered on {weekday}.",
        "I'm a regular customer of yours.",
        "We're leaving for a trip in {days} days.",
        "I live near {city}.",
        "It was a present from my {relative}.",
        "I asked this on {weekday} already.",
        "I couldn't find it in the FAQ.",
        "It's my second {product}.",
        "The shop in {city} sent me here.",
        "I paid by card.",
    ),
    opens=(
        *("", "", "", "Hi {name}!", "Thanks for writing, {name}.", "Good question."),
        *("Happy to help.", "Thank you for getting in touch.", "Let me see.", "Hello {name},"),
    ),
    closes=(
        "Is there anything else?",
        "Have a good {weekday}, {name}!",
        "Just write again if something is unclear.",
        "Thank you for your patience.",
        "All the best from Fellbrook.",
    ),
    fields={
        "product": PRODUCTS,
        "name": NAMES,
        "days": tuple(map(str, range(3, 12))),
        "city": ("Leeds", "Ghent", "Aarhus", "Porto", "Graz", "Bergen", "Utrecht", "Cork"),
        "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
        "relative": ("mother", "brother", "aunt", "daughter", "father-in-law", "partner"),
    },
)
