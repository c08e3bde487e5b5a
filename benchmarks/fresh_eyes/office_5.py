"""A public office's twelve intents with one reply each, and a school's questions likewise."""

INTENTS = {
    "passport": (
        (
            *("I need a new passport.", "How do I renew my passport?", "My passport has expired."),
            *("Where can I apply for a passport?", "What does it take to get a passport?"),
            *("My daughter needs her first passport.", "I lost my passport on holiday."),
            *("How long does a passport take?", "Passport application, please."),
        ),
        "Passports are issued at counter 3. Please bring a biometric photo, your old document and "
        "60 euros. It takes about four weeks until it can be collected.",
    ),
    "register": (
        (
            *("I've moved to {town}, where do I register?", "How do I register my new address?"),
            *("We're new in {town}.", "My flatmate moves in, does he have to register?"),
            *("Change of address for a family of four.", "I need to sign up as a resident."),
            *("By when must I register after moving?", "I moved from {town} last week."),
        ),
        "Please register within two weeks of moving in. You need your identity card and the "
        "landlord's confirmation; book a visit online under 'Residents'.",
    ),
    "car": (
        (
            *("I bought a used car, how is it registered?", "I want to register my car."),
            *("Where do I get number plates?", "How do I take my old car off the road?"),
            *("My car has a new owner.", "Can I choose my number plate?"),
            *("What do I need for the registration of a van?", "New plates for my trailer."),
        ),
        "Vehicles are registered at the office in Mill Lane, on weekdays until noon. Bring the "
        "papers of the vehicle, proof of insurance and your identity card.",
    ),
    "waste": (
        (
            *("My bin wasn't emptied.", "When is the paper collected?", "I need a larger bin."),
            *("Where can I take an old sofa?", "How do I get rid of a fridge?"),
            *("The bins in {town} are overflowing.", "Who collects garden waste?"),
            *("Can I have a calendar of the collections?", "Where do old batteries go?"),
        ),
        "All dates and drop-off points are in the waste calendar on our website. Bins are ordered "
        "and missed collections are reported with the form on the same page.",
    ),
    "parking": (
        (
            *("I'd like a parking permit for {town}.", "Where do residents park?"),
            *("How much is a permit for my street?", "My parking permit runs out this month."),
            *("Can a visitor get a permit for a day?", "I can't find a place for my car."),
            *("Does a second car get a permit?", "Permit for a carer, please."),
        ),
        "A resident's parking permit costs 30 euros a year and is issued online at once. Day "
        "permits for guests are sold in packs of ten.",
    ),
    "marriage": (
        (
            *("We'd like to get married in {town}.", "Which papers do we need for a wedding?"),
            *("Is the town hall free for a wedding in May?", "How do we book a wedding?"),
            *("My partner is from abroad, can we marry here?", "We want to marry on a Saturday."),
            *("How early do we have to apply to marry?", "Can we say our vows in the garden?"),
        ),
        "Weddings are booked with the registrar, at the earliest six months ahead. Both of you "
        "need a birth certificate and an identity card.",
    ),
    "birth": (
        (
            *("Our son was born on Monday.", "I need a birth certificate."),
            *("How do I get a copy of my birth certificate?", "We'd like to register our baby."),
            *("My birth certificate has a wrong name on it.", "I was born in {town}."),
            *("How many copies of the certificate do parents get?", "Our twins are here!"),
        ),
        "Births are reported by the hospital, and certificates can be collected a week later. "
        "Further copies cost 12 euros each and are ordered online.",
    ),
    "noise": (
        (
            *("The building site next door starts at five.", "My neighbours play music all night."),
            *("Who do I call about noise?", "There's a party in the park each weekend."),
            *("Is mowing the lawn allowed on Sundays?", "The bar below us is too loud."),
            *("The dog next door barks for hours.", "I want to complain about a loud engine."),
        ),
        "Quiet hours are from ten at night to six in the morning and all of Sunday. Please note "
        "dates and times and send them to the public order office.",
    ),
    "tax": (
        (
            *("I don't understand my dog tax notice.", "What do I pay for a second dog?"),
            *("Can I pay the property tax monthly?", "My tax notice shows the wrong address."),
            *("I sold the house, do I still pay its tax?", "Where do I report my dog?"),
            *("I'd like to pay the taxes by direct debit.", "How do I appeal against a notice?"),
        ),
        "Questions on local taxes are answered by the treasury, room 110. Please have the number "
        "at the top of your notice ready.",
    ),
    "build": (
        (
            *("Do I need a permit for a garden shed?", "I'd like to build a carport."),
            *("May we add a floor to our house?", "How high can a fence be?"),
            *("What does a building permit cost?", "When is my building permit decided?"),
            *("We plan a winter garden in {town}.", "Who approves a new roof?"),
        ),
        "Building requests go to the planning office with a site plan and drawings. A first talk "
        "is free; decisions take about three months.",
    ),
    "nursery": (
        (
            *("I'm looking for a nursery place.", "How do I sign my child up for nursery?"),
            *("Are there places for two-year-olds in {town}?", "What does a nursery cost?"),
            *("When do we hear about the place?", "We need childcare from August."),
            *("Can my child change to another nursery?", "Is there a nursery open until six?"),
        ),
        "Places are given in March for the coming August. Please enter up to three nurseries in "
        "the parents' portal by the end of January.",
    ),
    "found": (
        (
            *("I lost my keys in {town}.", "Where is the lost property office?"),
            *("Somebody found my wallet, I hope.", "I've found a ring in the park."),
            *("I left my umbrella on the bus.", "Was a blue rucksack handed in?"),
            *("My bicycle is gone, did you find it?", "What happens with found phones?"),
        ),
        "Lost property is kept for six months in the basement of the town hall. You can look "
        "through all finds online and claim yours there.",
    ),
}
TOWNS = ("Alderwick", "the old town", "Norbrook", "the south quarter", "Fenmoor", "Saltby")
CITIZENS_OPEN = (
    *("", "", "", "Good morning.", "Hello,", "Dear Sir or Madam,", "Hi there!", "A question:"),
    *("I hope I'm right here.", "My husband sent me to you.", "I couldn't find it online."),
    *("I tried to call.", "Sorry if this isn't your department.", "I'm new to all this."),
)
CITIZENS_CLOSE = (
    *("", "", "", "Thank you.", "What do I have to do?", "Please help.", "Kind regards, J. Berg"),
    *("I can come by any day.", "I work until four.", "It's rather urgent.", "Many thanks!"),
    *("Can this be done online?", "I don't have a car.", "How does that work?"),
)

FAQ = (
    ("When does the school day start?", "Lessons start at 8:10, and the doors open at 7:45."),
    ("When are the autumn holidays?", "From 14 to 25 October; lessons start again on a Monday."),
    ("How do I report a sick child?", "Call 55 120 before eight, or use the form in the app."),
    ("Is there a warm lunch at school?", "Yes, from noon to half past one; order by Sunday."),
    ("What does lunch cost at the canteen?", "4.20 euros, or 3.10 with the family card."),
    ("Where can pupils lock their bikes?", "Behind the gym; please don't use the fence."),
    ("Can my child take part in the choir?", "Everyone may sing: Tuesdays at two in room 12."),
    ("Who is the head of the school?", "Ms Arendt is; her office hour is Thursday at three."),
    ("Are phones allowed in class?", "They stay switched off in the bag until the last bell."),
    ("How do I get the report card again?", "The secretary's office prints a copy for 5 euros."),
    ("Which languages are taught here?", "English from year 5, then French, Latin or Polish."),
    ("Does the school lend out laptops?", "Yes, from year 8 on, against a deposit of 50 euros."),
    ("When is the next parents' evening?", "On 6 November at seven, in the classrooms."),
    ("Is there a school bus from Norbrook?", "Line 14 leaves at 7:22 and stops at our gate."),
    ("What do we need for swimming lessons?", "A cap, a towel and the parents' consent."),
    ("Where do I find the timetable?", "It's in the app under 'My class', and in the hall."),
    ("Can pupils leave the yard at noon?", "From year 9 on, if their parents have signed."),
    ("Is there help with homework?", "In the library from two to four, Monday to Thursday."),
    ("How large are the classes?", "There are 24 pupils in a class on average, 28 at most."),
    ("What happens if a lesson is cancelled?", "A colleague stands in, or the app tells by six."),
    ("How do I apply for a place in year 5?", "With the form and the last report, in February."),
    ("Does the school have a nurse?", "Mr Olsen is there on weekdays until one, in room 3."),
    ("Who pays for the class trip?", "Families do; the support fund helps, just ask us."),
    ("Where was my child's jacket left?", "Lost things lie in the box beside the main door."),
    ("May I visit a lesson as a parent?", "Gladly, after a word with the teacher a week ahead."),
    ("How are marks weighed?", "Written work counts for half, and the rest is oral."),
    ("Is there an open day this year?", "On 18 January from ten to two, with tours each hour."),
    ("What are the library's opening hours?", "Eight to four, on Fridays until one."),
    ("How can I join the parents' council?", "Come to its meeting on any first Tuesday."),
    ("Can we pay for books in two parts?", "Yes, half in August and the other half in January."),
    ("Which sports teams are there?", "Handball, rowing and chess; all train on Wednesdays."),
    ("Who do I talk to about bullying?", "To Ms Sokol, our counsellor, in confidence."),
    ("Does the school give music lessons?", "Piano, violin and drums, for 25 euros a month."),
    ("When do we get the exam dates?", "Four weeks before, by letter and in the app."),
)
