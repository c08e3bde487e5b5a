"""The chats of a travel agency's customers with its assistant."""

from fresh_eyes.made_chats import Domain, topics

GUESTS = (
    *("Ingrid", "Tomas", "Yusuf", "Beatriz", "Callum", "Noor", "Elif", "Hanna", "Piotr", "Wanda"),
    *("Dario", "Sefa", "Ruth", "Odile", "Marek", "Aoife", "Kofi", "Lena", "Viktor", "Zoe"),
)
_TOPICS = """
# room
? is a {room} free at the {hotel} from {date}?
? do you have a {room} at the {hotel} for {nights} nights?
? could you book us a {room} in the {hotel} on {date}?
! Yes, one {room} is left at the {hotel}, and I can hold it until tonight.
! The {hotel} has two of them from {date}; shall I book one?
! For {nights} nights it's available, breakfast included.
! Not on {date}, I'm afraid, but a day later it's free.
? how big is a {room} at the {hotel}?
? what does a {room} in the {hotel} look like?
! It has about twenty square metres and a window to the courtyard.
! Bright, with wooden floors and a desk; the bathroom has a shower.
! There are photos of it in the offer that I've just sent you.
? can we bring our dog to the {hotel}?
? does the {hotel} take pets?
! Small dogs are welcome for 15 euros a night.
! Only in some of the rooms, so I'd note it in the booking.
! Sadly the house takes no animals.
? is there parking at the {hotel}?
? where do we leave the car at the {hotel}?
! There's a garage below the house, 18 euros a day.
! Guests park for free behind the building.
! The nearest car park is {nights} minutes away on foot.
? how far is the {hotel} from the station in {city}?
? is the {hotel} in the centre of {city}?
! About ten minutes by tram.
! It's a short walk along the river.
! A little outside, though a bus leaves every quarter of an hour.
+ Breakfast is served until half past ten.
+ You can check in from three o'clock.
+ Towels and bed linen are included.
+ The city tax is paid on the spot.
# flight
? are there flights to {city} on {date}?
? how do we get to {city} by plane on {date}?
! There's one at 7:10 and one at 16:45, both direct.
! With a change in Zurich it takes four hours.
! Only in the evening; the morning flight is sold out.
? how much luggage may I take to {city}?
? is a suitcase included in the flight to {city}?
! One bag of 8 kilos is included, and a suitcase costs 30 euros.
! In your fare it's a suitcase of 23 kilos for each of you.
! You can add luggage until a day before you leave.
? can I change my flight of {date}?
? I need to fly a day later than {date}, is that possible?
! It is, for the difference in price and a fee of 40 euros.
! Your fare can't be changed, though the taxes are paid back if you don't fly.
! I've moved it by a day and sent you the new ticket.
? when do we have to be at the airport on {date}?
? how early should we check in for {city}?
! Two hours before is plenty.
! The desk closes fifty minutes before you leave.
! With the online check-in an hour is enough.
+ Seats can be picked for 9 euros each.
+ Your passport has to be valid for six more months.
+ The train to the airport is part of the ticket.
+ Meals can be ordered up to two days before.
# cancel
? can I still cancel the trip to {city}?
? what does it cost to cancel the {hotel}?
! Up to 14 days before it's free.
! Within the last week it's half of the price.
! With the insurance you get all but 25 euros back.
? I'm ill and can't travel on {date}.
? my {relative} is in hospital, so we can't go on {date}.
! I'm sorry to hear that; please send us the doctor's note.
! Get well soon! I've put the booking on hold.
! The insurance covers that, and I'll send you the form.
? when do I get the money for {city} back?
? the refund for the {hotel} isn't here yet.
! It was sent on Tuesday and takes about {nights} days.
! It goes to the card that you paid with.
! The hotel confirmed it today, so it should be there next week.
+ You can move the trip instead of cancelling it.
+ All of it is in the terms that came with the booking.
+ Somebody else can travel in your place, too.
# plan
? what can one do in {city} with children?
? what should we see in {city} in {nights} days?
! The harbour, the old market and the zoo fill two days.
! Start with the castle, and take the ferry in the afternoon.
! There's a science museum where everything may be touched.
? is {city} warm in {month}?
? what's the weather like in {city} in {month}?
! Mild, with rain now and then.
! It's dry and warm, but evenings can be cool.
! Pack for everything: {month} changes its mind daily.
? do we need a visa for {city}?
? which papers do we need for {city}?
! An identity card is enough for you.
! A passport, and a form that's filled in online.
! No visa for up to 90 days.
? can you recommend a restaurant near the {hotel}?
? where does one eat well in {city}?
! The small places behind the market hall are good and cheap.
! Try the fish at the pier.
! The house itself has a fine kitchen.
+ A city card pays off from the second museum on.
+ Many places are closed on Mondays.
+ I can book guided tours for you.
+ {month} is a good month for it.
"""
TRAVEL = Domain(
    systems=(
        "You are the assistant of Halvard Travel. Be warm and to the point.",
        "Halvard Travel, customer chat. Help with trips, hotels and flights.",
        "You help customers of a travel agency. Two to four sentences.",
        "Assistant for bookings. Never promise prices that you don't know.",
    ),
    topics=topics(_TOPICS),
    context=(
        "We are {nights} adults and a child.",
        "It's our first trip to {city}.",
        "My {relative} comes along.",
        "We've been at the {hotel} before.",
        "We'd like it quiet.",
        "Our booking is from {month}.",
        "The budget isn't large.",
        "I'm writing from my phone.",
        "It's for our anniversary.",
    ),
    opens=(
        *("", "", "", "Hello {name},", "Lovely plan!", "Gladly.", "Let me see."),
        *("Thanks for writing.", "Good question.", "Hi {name}, Halvard Travel here."),
    ),
    closes=(
        "Is there more that I can do for your trip?",
        "Have a good journey, {name}!",
        "Just write if your plans change.",
        "Shall I send you an offer?",
        "You find it all in your travel folder, too.",
    ),
    fields={
        "name": GUESTS,
        "nights": tuple(map(str, range(2, 9))),
        "date": ("3 May", "17 June", "9 July", "21 August", "5 September", "12 October"),
        "month": ("March", "May", "June", "August", "September", "November"),
        "city": ("Lisbon", "Bergen", "Palermo", "Ghent", "Split", "Riga", "Seville", "Cork"),
        "hotel": ("Velmora", "Astergrove", "Kestrel House", "Lindqvist", "Portobay"),
        "room": ("double room", "room with a balcony", "twin room", "family room", "single room"),
        "relative": ("mother", "brother", "wife", "husband", "aunt", "daughter"),
    },
)
