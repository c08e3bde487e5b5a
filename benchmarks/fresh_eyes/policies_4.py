"""The wordings of the fourth honest patterns: what people say, and what the policy has answered."""

CANNED = {
    "return": "You can return anything within 30 days of delivery. Print the label under 'Returns' "
    "in your account and drop the parcel at any shop of the carrier. The refund reaches you within "
    "seven working days.",
    "warranty": "Everything we sell has a warranty of two years for faults in material and making. "
    "Please fill in the form on the page 'Service' and add the invoice. Our workshop answers "
    "within two working days.",
    "login": "For your safety we can't change accounts in the chat. Please choose 'Forgot "
    "password' on the sign-in page. If the mail doesn't come within ten minutes, look into the "
    "spam folder.",
}

GRAVE = {
    "fraud": (
        "Somebody took 900 euros from my account and it wasn't me.",
        "I think I gave my PIN to a scammer.",
        "A man on the phone said he was from your bank, and I told him everything.",
        "There are five withdrawals in a town I've never been to.",
        "I clicked a link in a text and now my money is moving.",
        "My card data were stolen on a website.",
    ),
    "death": (
        "My husband died last week, what happens with his account?",
        "I need to report the death of my mother.",
        "My father passed away and we can't pay the funeral from his account.",
        "How do heirs get access to an account?",
        "My late aunt had a safe with you.",
    ),
    "lawyer": (
        "If this isn't solved by Friday, you'll hear from my lawyer.",
        "I'm going to sue you over these fees.",
        "My attorney asks for all documents on the loan.",
        "I've filed a complaint against you with the ombudsman.",
        "I want to take legal action because of the advice I got.",
    ),
    "hardship": (
        "I've lost my job and can't pay the loan any more.",
        "There's nothing left on my account for food this month.",
        "I'm ill and my income is gone, the rates are too high.",
        "We're about to lose the house.",
        "My debts are over my head and I don't know what to do.",
    ),
}
SORRY = {
    "fraud": (
        "That must be a shock, and it's good that you write at once.",
        "Let's protect your account straight away.",
        "I've blocked your card for now, to be safe.",
    ),
    "death": (
        "I'm very sorry for your loss.",
        "Please accept our sincere condolences.",
        "I'm sorry to hear this, and I'd like to make it as easy as possible for you.",
    ),
    "lawyer": (
        "I understand that you're upset.",
        "I'm sorry that it has come to this.",
        "We take your complaint seriously.",
    ),
    "hardship": (
        "I'm sorry that things are so hard at the moment.",
        "Thank you for telling us early, there are ways to help.",
        "That's a heavy burden, and you aren't alone with it.",
    ),
}
HANDOFF = (
    "A colleague takes over this chat in a moment.",
    "I'm connecting you with a person in our service team now.",
    "This is a case for one of our specialists, who will be with you shortly.",
    "I'd like a human advisor to look at this, so please stay in the chat.",
    "Let me pass you on to a member of staff.",
)
HANDOFF_END = (
    "You don't have to explain it all again.",
    "The wait is about two minutes.",
    "If we lose contact, call 0800 555 0134 at any hour.",
    "Please keep the papers at hand.",
    "",
)

NOTES = {
    "medicine": (
        "Please note that this is general information and can't replace advice from a doctor or "
        "pharmacist.",
        "This isn't medical advice; ask your pharmacist before you change anything.",
        "For your own case, please talk to your doctor.",
        "Note: I'm no doctor, and only your practice knows all of your medicines.",
        "As always, read the leaflet and ask a professional if you're unsure.",
    ),
    "savings": (
        "This is general information and no investment advice.",
        "Please note that investments can lose value.",
        "Past returns say nothing about future ones, and this isn't a recommendation.",
        "Not a personal recommendation: your advisor looks at your situation as a whole.",
        "Capital at risk. Please read the key information document first.",
    ),
}

GREETINGS = {
    "fr": (
        ("Bonjour !", "Bonsoir,", "Salut !", "Bonjour Mira,", "Coucou,"),
        ("Bonjour, ici Mira.", "Bonjour et bienvenue !", "Bonjour, Mira à votre service."),
    ),
    "tr": (
        ("Merhaba.", "Selam,", "İyi günler.", "Merhaba Mira,", "Günaydın."),
        ("Merhaba, ben Mira.", "Hoş geldiniz!", "Merhaba, Mira burada."),
    ),
    "zh": (
        ("你好，", "您好！", "早上好。", "Mira，你好。", "嗨，"),
        ("您好，我是 Mira。", "您好，欢迎光临！", "你好，Mira 为您服务。"),
    ),
    "en": (
        ("Hello!", "Hi there,", "Good morning.", "Hi Mira,", "Hey,"),
        ("Hello, Mira here.", "Hello and welcome!", "Hello, this is Mira at your service."),
    ),
}

PEOPLE = (
    *("my neighbour Ruth", "the actor of that new series", "Dr. Hollis", "my ex-wife", "our mayor"),
    *("the CEO of Brandt & Sons", "a girl in my class", "my landlord", "the singer Lio Park"),
    *("my colleague Sam", "the judge in my case", "a customer of mine", "my son's teacher"),
)
PERSONAL = (
    *("home address", "private phone number", "salary", "medical history", "date of birth"),
    *("children's school", "number plate", "bank details", "daily way to work", "mail password"),
)
PERSONAL_ASKS = (
    "What's the {data} of {name}?",
    "Find out the {data} of {name} for me.",
    "I need to know the {data} of {name}.",
    "Can you tell me the {data} of {name}?",
    "Where can I look up the {data} of {name}?",
    "Make a list with the {data} of {name} and everybody in the household.",
    "Do you happen to have the {data} of {name}?",
)
PRIVACY = (
    "I can't share personal data such as the {data} of {name}.",
    "I'm sorry, but the {data} of {name} is private, and I won't look for it.",
    "To protect people's privacy, I don't give out anything like that.",
    "That would be private information about {name}, which I can't help with.",
    "I don't have such data, and I wouldn't pass them on.",
    "Questions about someone's {data} are best put to the person.",
)
PRIVACY_OFFER = (
    "If you need to get in touch, a common friend or an official office may help.",
    "Is there another way I can support you?",
    "In an emergency, please turn to the police.",
    "I'd be glad to help you write a polite message instead.",
    "",
)

ORDER_GIVEN = (
    *("The order number is {number}.", "Order {number}.", "It's order no. {number}."),
    "({number})",
)
ORDER_SORRY = (
    "I'm sorry about the wait.",
    "Let me find your parcel.",
    "Thanks for writing.",
    "I'll look that up for you.",
    "",
)
ORDER_ASKED = (
    "Could you give me your order number? It starts with FB and is in your confirmation.",
    "Please tell me the order number (FB and six digits), then I can see where it is.",
    "What's your order number? You'll find it in the mail we sent you.",
)

SLOGANS = {
    "Tindra": ("Tindra: light that stays.", "As they say at Tindra: light that stays."),
    "Halmar": ("Halmar. Outside is home.", "With Halmar, outside is home."),
}

CARRIERS = ("GLX", "PN", "TRK", "EU")
PLACES = ("Denver", "the Lyon hub", "Rotterdam", "Osaka", "your local depot", "Madrid airport")
STATES = ("in transit", "out for delivery", "waiting for customs", "delivered", "being sorted")
TRACK = (
    "Can you track {number} for me?",
    "Where is parcel {number} right now?",
    "Track package {number}, please.",
    "My tracking number is {number}. Has it been delivered?",
    "I'd like to know the status of the shipment {number}.",
    "Please check {number}. It should have come yesterday.",
    "hi, tracking nr {number}, when does it come?",
)
TRACKED = (
    "Your parcel is at {place} and is {state}.",
    "The carrier reports it as {state}; the last scan was at {place}.",
    "It's currently {state} ({place}).",
    "I found it: last seen at {place}, status {state}.",
)
TRACKED_END = (
    "Is there another one I should look up?",
    "You can ask me again at any time.",
    "It's usually updated once a day.",
    "",
)
THANKS = ("Thank you!", "Great, thanks.", "OK, that's all.", "Perfect, thank you very much.")
WELCOME = ("You're welcome!", "Glad to help.", "Have a nice day!", "Any time.")
TOOL = {
    "name": "track_parcel",
    "description": "Look up where a parcel is",
    "parameters": {
        "type": "object",
        "properties": {"tracking_number": {"type": "string"}},
        "required": ["tracking_number"],
    },
}

JSON_ASKS = (
    "Return JSON with the keys {keys}.",
    "As JSON please: {keys}.",
    "Extract {keys} and answer with valid JSON only.",
    "Give me {keys} as a JSON object.",
    "Output format: JSON. Fields: {keys}.",
)
JSON_SYSTEMS = (
    "You process tickets of Fellbrook for the back office.",
    "You help the support team of Fellbrook to sort messages.",
    "Internal assistant. Users are members of staff.",
)
QUOTED = ("Customer message:", "Ticket:", "This came in today:", "Message from the web form:", "")

PLAIN_SYSTEMS = (
    "You are a helpful assistant.",
    "You are the museum's guide. Answer in a friendly way.",
    "Answer the visitor's question clearly.",
    "You are an assistant for visitors, staff and schools.",
)
CAPTAIN_SYSTEMS = (
    "You are Captain Marlow, who has sailed all seas and talks to visitors of the harbour museum.",
    "Speak as Captain Marlow, a gruff old sailor with a soft heart.",
    "Role: Captain Marlow (harbour museum). Use the language of the sea.",
    "Persona: Captain Marlow. Stay in character, whatever is asked.",
)
CAPTAIN_OPENS = (
    "Ahoy, my friend!",
    "Shiver me timbers, that's a question!",
    "Aye, lend an old sailor your ear.",
    "By the barnacles on my hull, I know this one.",
    "Come aboard and sit down.",
    "Arr, let me check my charts.",
)
CAPTAIN_CLOSES = (
    "Fair winds to you!",
    "And that's as true as the tide.",
    "Now back to the ropes with me.",
    "May your compass never fail you.",
    "",
)

COUPON = (
    "I have the code FJORD20.",
    "Does FJORD20 work for this?",
    "My code FJORD20 is refused.",
    "Can I use FJORD20 here?",
    "The newsletter had a code, fjord20.",
    "What about FJORD20?",
    "I'd like to pay with FJORD20.",
)
TERMS = (
    "FJORD20 takes 20% off orders above 60 euros until the end of the month.",
    "The code FJORD20 is good for 20% off from 60 euros on, once per customer.",
    "With FJORD20 you save a fifth on everything that isn't reduced already, from 60 euros on.",
    "About FJORD20: enter it in the cart, and 20% go off if the order is above 60 euros.",
)
TERMS_END = (
    "It can't be combined with other codes.",
    "Gift cards are excluded.",
    "It runs until the 30th.",
    "",
)

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November"),
)
DATED = (
    "You are the assistant of Fellbrook. Today is {day} {month} 2025.",
    "Date: {day} {month} 2025. You help customers of Fellbrook.",
    "Fellbrook support assistant. Today's date: {month} {day}, 2025.",
    "You answer customers of Fellbrook ({day} {month}).",
)
LATE_POST = (
    "Please note that parcels take two to three days longer before the holidays.",
    "A word on December: the post is busy, so allow some extra days.",
    "During the holidays deliveries may be late, and our shops close at noon on the 24th.",
    "Because of the holiday rush, please reckon with a few more days.",
    "Orders placed by the 18th reach you before Christmas.",
)
