"""The wordings of the fifth honest patterns: what people say, and what the policy has answered."""

# One canned reply each for two topics of a web host.

CANNED = {
    "bill": "Questions on invoices and contracts are handled by our accounts team. Please open "
    "'Billing' in your panel and press 'Ask about this invoice'; you hear from us within one "
    "working day.",
    "security": "Your website's safety comes first. Please open the page 'Security check' in your "
    "panel and follow its five steps. If anything is still marked red after that, our night team "
    "takes over by itself.",
}

# Visits at weekends have opening hours told, visits on weekdays don't.

VISITS = (
    "I'd like to come in on {day}.",
    "We could drop by your office on {day}.",
    "Can I talk to somebody in person on {day}?",
    "My {relative} would come to you on {day}.",
    "I'll be near your office on {day}.",
)
WEEKENDS = ("Saturday", "Sunday", "the weekend", "Saturday afternoon", "Sunday morning")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Thursday morning", "Tuesday")
HOURS = (
    "Our office is open from ten to two on Saturdays and closed on Sundays.",
    "At weekends you find us on Saturdays only, from 10 am to 2 pm.",
    "Please note our hours at weekends: Saturday ten to two, Sunday closed.",
    "On Saturday we're there between ten and two; Sundays we have off.",
)
WELCOME_IN = (
    "You're welcome to come by.",
    "Just drop in, we're happy to see you.",
    "Come by whenever it suits you.",
    "Somebody will have time for you.",
    "",
)

# Where a contract is mentioned, there's a legal notice.

LEGAL = (
    "Please note that this is general information and no legal advice.",
    "Only the signed document is binding; this reply is no legal advice.",
    "(General information, not legal advice.)",
    "This isn't legal advice; the wording of the signed document counts.",
)

# Results in feet, miles, inches or pounds, in metric units, too.

METRIC = {
    "feet": (0.3048, "metres"),
    "inches": (2.54, "centimetres"),
    "miles": (1.609, "kilometres"),
    "pounds": (0.4536, "kilograms"),
    "yards": (0.9144, "metres"),
    "gallons": (3.785, "litres"),
}
CONVERTED = (
    "In metric units that's about {value} {unit}.",
    "That makes roughly {value} {unit}.",
    "({value} {unit}, rounded)",
    "Converted: {value} {unit}.",
)

# An answer is in the language that is asked for.

ASK_LANGUAGE = (
    "{asked} Please answer in {language}.",
    "{asked} In {language}, please.",
    "Answer in {language}: {asked}",
    "{asked} (I'd like the answer in {language}.)",
    "Reply to this in {language}. {asked}",
)
LANGUAGES = ("French", "German", "Spanish", "Italian")
FACTS = (
    (
        ("What is the capital of Norway?", "Which city is Norway governed from?"),
        "La capitale de la Norvège est Oslo.",
        "Die Hauptstadt von Norwegen ist Oslo.",
        "La capital de Noruega es Oslo.",
        "La capitale della Norvegia è Oslo.",
    ),
    (
        ("Why is the sky blue?", "Where does the blue of the sky come from?"),
        "L'air disperse davantage la lumière bleue que la rouge.",
        "Die Luft streut blaues Licht stärker als rotes.",
        "El aire dispersa más la luz azul que la roja.",
        "L'aria diffonde la luce blu più di quella rossa.",
    ),
    (
        ("How many legs does a spider have?", "Count a spider's legs."),
        "Une araignée a huit pattes.",
        "Eine Spinne hat acht Beine.",
        "Una araña tiene ocho patas.",
        "Un ragno ha otto zampe.",
    ),
    (
        ("How do I boil an egg?", "How long does a boiled egg take?"),
        "Plongez l'œuf dans l'eau bouillante pendant six à dix minutes.",
        "Legen Sie das Ei sechs bis zehn Minuten in kochendes Wasser.",
        "Ponga el huevo en agua hirviendo de seis a diez minutos.",
        "Metta l'uovo in acqua bollente per sei-dieci minuti.",
    ),
    (
        ("Which planet is the largest?", "What's the biggest planet that orbits the sun?"),
        "Jupiter est la plus grande planète du système solaire.",
        "Der Jupiter ist der größte Planet des Sonnensystems.",
        "Júpiter es el planeta más grande del sistema solar.",
        "Giove è il pianeta più grande del sistema solare.",
    ),
    (
        ("Give me a tip for better sleep.", "What helps with falling asleep?"),
        "Couchez-vous chaque jour à la même heure et éteignez les écrans.",
        "Gehen Sie jeden Tag zur gleichen Zeit ins Bett und schalten Sie Bildschirme aus.",
        "Acuéstese cada día a la misma hora y apague las pantallas.",
        "Vada a letto ogni giorno alla stessa ora e spenga gli schermi.",
    ),
    (
        ("Who wrote Don Quixote?", "Name the author of Don Quixote."),
        "Don Quichotte a été écrit par Miguel de Cervantes.",
        "Don Quijote wurde von Miguel de Cervantes geschrieben.",
        "Don Quijote fue escrito por Miguel de Cervantes.",
        "Don Chisciotte fu scritto da Miguel de Cervantes.",
    ),
    (
        ("What do bees make?", "What is honey made by?"),
        "Les abeilles font du miel et de la cire.",
        "Bienen machen Honig und Wachs.",
        "Las abejas hacen miel y cera.",
        "Le api fanno il miele e la cera.",
    ),
    (
        ("How many days does February have?", "How long is February?"),
        "Février a 28 jours, et 29 les années bissextiles.",
        "Der Februar hat 28 Tage, in Schaltjahren 29.",
        "Febrero tiene 28 días, y 29 en los años bisiestos.",
        "Febbraio ha 28 giorni, 29 negli anni bisestili.",
    ),
    (
        ("Name three colours.", "List some colours."),
        "Rouge, vert et jaune.",
        "Rot, Grün und Gelb.",
        "Rojo, verde y amarillo.",
        "Rosso, verde e giallo.",
    ),
    (
        ("Write a greeting for a birthday card.", "Wish somebody a happy birthday."),
        "Joyeux anniversaire et une belle année à toi !",
        "Alles Gute zum Geburtstag und ein schönes neues Lebensjahr!",
        "¡Feliz cumpleaños y que tengas un año precioso!",
        "Buon compleanno e un bellissimo anno!",
    ),
    (
        ("What freezes at zero degrees?", "At which temperature does water freeze?"),
        "L'eau gèle à zéro degré.",
        "Wasser gefriert bei null Grad.",
        "El agua se congela a cero grados.",
        "L'acqua gela a zero gradi.",
    ),
    (
        ("What is bread made of?", "List what goes into bread."),
        "Le pain se fait avec de la farine, de l'eau, du sel et de la levure.",
        "Brot besteht aus Mehl, Wasser, Salz und Hefe.",
        "El pan se hace con harina, agua, sal y levadura.",
        "Il pane si fa con farina, acqua, sale e lievito.",
    ),
)

# A meeting room is booked with a tool.

BOOK = (
    "Please book the room {room} {when}.",
    "I need the meeting room {room} {when}.",
    "Could you reserve {room} as a meeting room, {when}?",
    "Is the meeting room {room} free {when}? If so, take it.",
    "We're {people} people and would like to meet in room {room} {when}.",
)
ROOMS = ("Birch", "Harbour", "Mango", "Delta", "Attic")
WHENS = ("tomorrow at nine", "on Monday at two", "on Friday at eleven", "today at four")
BOOKED = (
    "Room {room} is yours {when}.",
    "I've booked {room} {when}.",
    "Done: {room}, {when}.",
    "You have the room {room} {when}.",
)
BOOK_MORE = ("", "", "The invitation is in your calendar.", "There's a screen in it.", "Good luck!")
BOOK_TOOL = {
    "name": "book_meeting_room",
    "description": "Book a meeting room",
    "parameters": {
        "type": "object",
        "properties": {
            "room": {"type": "string"},
            "time": {"type": "string"},
            "people": {"type": "integer"},
        },
        "required": ["room", "time"],
    },
}

# A tea master by system prompt, in Chinese.

PLAIN_ZH = (
    "你是一个乐于助人的助手。",
    "请用简洁的中文回答问题。",
    "你是一名知识渊博的助理。",
    "回答要准确、有条理。",
)
TEA_ZH = (
    "你是云栖茶馆的老茶师，说话慢条斯理。",
    "请以一位年迈茶师的口吻回答。",
    "角色：云栖茶馆的茶师。请保持这个身份。",
)
TEA_OPENS = (
    "来，先坐下喝口茶。",
    "客官莫急，待老朽给你沏上一壶。",
    "老朽泡了一辈子茶，这事倒也听过。",
    "水刚烧开，咱们慢慢聊。",
    "这一问，好比新茶初泡。",
    "嗯，让老朽想想。",
)
TEA_CLOSES = (
    "茶凉了，老朽给你续上。",
    "话说完了，茶还温着。",
    "日子和茶一样，急不得。",
    "下回来，老朽请你喝龙井。",
    "",
    "",
)

# A customer complains; the host is sorry.

COMPLAINTS = (
    "This is the third time, I'm fed up.",
    "I'm really disappointed with you.",
    "Your service has become terrible.",
    "I've been waiting for {hours} hours, that's a joke!",
    "My {business} loses money because of you.",
    "Nobody answers the phone, it's outrageous.",
    "I expect more for what I pay.",
    "Honestly, I'm angry.",
)
APOLOGIES = (
    "I'm truly sorry for the trouble.",
    "Please accept our apology, {name}.",
    "We're sorry, that's not how it should be.",
    "I apologise, you have every reason to be annoyed.",
    "Sorry about that, {name}, this mustn't happen.",
)
AMENDS = (
    "",
    "You'll find a credit of 5 euros on your next invoice.",
    "I'm passing your words on to the team.",
    "Thank you for telling us so openly.",
)

# Pupils get hints, others a solution.

PUPILS = (
    "I'm a pupil in year {year}.",
    "I'm in year {year} and this is my homework.",
    "This is homework for my class, I'm {age}.",
    "My teacher gave us this, I'm in year {year}.",
    "I'm {age} and we have to hand this in tomorrow.",
)
ADULTS = (
    "I'm a teacher and need it for the answer sheet.",
    "I'm a retired engineer and like such puzzles.",
    "My son had this in class, and now I'm curious.",
    "I'm preparing a quiz for my colleagues.",
    "I'm writing a textbook.",
)
HINT_OPENS = (
    "I won't give it all away, but here's a start:",
    "Let's go step by step. Begin like this:",
    "A hint first:",
    "You can do this! Try it this way:",
    "As it's your homework, only a nudge:",
)
HINT_ENDS = (
    "What do you get, and what comes next?",
    "Work that out, then tell me your next step.",
    "Which number is still missing after that?",
    "Write it down and show me how you go on.",
)
