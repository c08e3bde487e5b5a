"""The chats of patients with a health line's assistant."""

from fresh_eyes.made_chats import Domain, topics
from fresh_eyes.made_shop import NAMES

_TOPICS = """
# cold
? I've had a runny nose for {days} days.
? how do I get rid of a blocked nose at night?
! A salt-water spray frees the nose without any harm.
! After {days} days a cold is usually at its worst, and then it gets better.
! Steam and a raised pillow make the night easier.
? my throat is sore and I'm a bit hot.
? what helps against a cold?
! Rest, warm drinks and fresh air are what helps most with a cold.
! Drink a lot, stay in and give it {days} days.
! Gargling with salt water is good for a sore throat.
? my {relative} has a cough that won't go.
? I've been coughing since {weekday}.
! Honey in warm tea calms a cough in adults and in children over one.
! A cough can last three weeks after a cold, even if all else is well.
! Moist air and a lot to drink loosen it.
+ See a doctor if a fever lasts more than three days.
+ Sleep with your head a little raised.
+ Wash your hands often to spare the others.
# sleep
? I lie awake until {hour}.
? I wake up at {hour} every night.
! Waking in the night is normal; don't look at the clock.
! A fixed time for getting up, also on weekends, is the best place to start.
! If you're awake at {hour}, get up, read something dull and go back.
? how much sleep does a {age}-year-old need?
? is six hours enough at {age}?
! Most people at {age} need seven to eight hours, and some need less.
! If you feel well by day, it's enough.
! There's no fixed number; six to nine hours are common at {age}.
? does warm milk help with falling asleep?
? what can I do before bed to sleep better?
! Screens off an hour before bed makes a difference for many people.
! What helps is doing the same every evening, with or without milk.
! A warm shower and a cool room are a good pair.
? I'm tired all day though I sleep long.
? why am I so tired in the afternoon?
! Daylight in the morning and a walk at noon help many people.
! Too much sleep can make tired as well.
! If it goes on for {days} weeks, a blood test may show why.
+ Coffee after noon stays in the body until the night.
+ A diary of two weeks helps a doctor to judge it.
+ A cool, dark room is good for sleep.
# medicine
? may I take {drug} with a glass of wine?
? is {drug} fine together with grapefruit juice?
! The leaflet of {drug} says what goes with it and what doesn't; alcohol rarely does.
! Better take {drug} with water and leave some hours between.
! That can change how {drug} works, so I'd rather not mix them.
? how often can I take {drug}?
? I took {drug} twice today, is that too much?
! Keep to the dose on the label of {drug}, and don't take more of it.
! The box of {drug} names the most per day.
! Leave at least {days} hours between two doses, or what the label says.
? I forgot my {drug} this morning.
? what if I miss a dose of {drug}?
! If you forget {drug} once, go on at the usual time and don't double it.
! One missed dose is rarely a problem.
! Take it now if it's only been {days} hours, otherwise wait for the next.
? does {drug} make you tired?
? can I drive when I take {drug}?
! Some people get tired from {drug}, mostly in the first {days} days.
! See how you feel with {drug} before you drive.
! It can, and taking it in the evening helps.
? can my {relative} take {drug}, too?
? may I give {drug} to my {relative}?
! Medicines are for the one they were prescribed to, and that goes for {drug}.
! For {drug} that depends on age and other medicines.
! Ask first: what suits you needn't suit your {relative}.
+ Write down what you take and when.
+ Store it out of the reach of children.
+ Old medicines can be given back in most places.
# back
? my lower back hurts after a day at the desk.
? sitting all day gives me a sore back.
! Getting up every half hour helps more than the best chair.
! Raise the screen, and let both feet touch the floor.
! A short walk at noon does a lot for a desk back.
? I lifted a box and now my back is stiff.
? my {relative}'s back has hurt for {days} weeks.
! Keep moving gently; staying in bed makes most backs worse.
! Warmth and short walks are a good start for a stiff back.
! It takes {days} weeks now and then, and gets better bit by bit.
? which exercises are good for the back?
? is swimming good for a sore back?
! Swimming on the back and slow crawl are kind to the spine.
! Bridges and the cat stretch, ten times each, are a good start.
! Whatever you like doing and can do without pain.
+ Numb legs or a weak bladder are reasons to see a doctor at once.
+ Most back pain is gone within weeks.
+ Lift with the knees, not with the back.
# food
? how much water should I drink a day?
? is two litres of water too much?
! About a litre and a half is enough for most, and more when it's hot.
! Two litres are fine for healthy adults.
! Drink when you're thirsty, and a little more at {age} and over.
? is it bad to skip breakfast?
? do I have to eat in the morning?
! Skipping breakfast is fine if you feel well with it.
! No, the sum of the day counts.
! Only if you get shaky or take pills that need food.
? what can I eat when my stomach is upset?
? my {relative} has been sick, what's light food?
! Rice, bananas and dry toast are easy on an upset stomach.
! Small sips and small bites for {days} days, nothing fat.
! Broth and mashed carrots are old and good.
? do I need vitamins in winter?
? how much salt is too much?
! Five grams of salt a day is a good upper bound, and varied food has the vitamins.
! With varied food you need no pills, but vitamin D can be low in winter.
! A check of your blood tells whether anything is missing.
+ Thirst is a good guide for healthy adults.
+ Bread and cheese hold more salt than one thinks.
+ A short walk after eating helps digestion.
# skin
? I have a red rash on my arm since {weekday}.
? my skin itches in the evening.
! Cool it, leave it in peace and see how it looks tomorrow.
! A new soap or cream is often the cause.
! Photograph it today and in {days} days to compare.
? a wasp stung my {relative}.
? what helps against the itch of a sting?
! A cold pack takes the pain and the swelling of a sting.
! Cool it for ten minutes, and again an hour later.
! It swells for {days} days and then goes.
? my hands are dry and cracked.
? how do I treat a sunburn?
! A plain cream, thick and without scent, several times a day.
! Stay out of the sun, drink enough and cool the skin with wet cloths.
! Lukewarm water, no soap, and a cream at night.
? there's a mole that looks different from the others.
? should I have a mole looked at?
! A mole that changes should be seen by a doctor, in most cases it's harmless.
! Yes, if its edge or colour has changed.
! A check takes ten minutes; you can book one for {weekday}.
+ Trouble breathing after a sting is an emergency.
+ Scratching makes it worse.
+ Sun cream needs to be renewed every two hours.
# visit
? do I need an appointment for a blood test?
? when can I come for a blood test?
! Blood tests are done from 7 to 10, without an appointment.
! Just come before ten on any day but {weekday}.
! No appointment, but please come without breakfast.
? when are you open on {weekday}s?
? is the practice open this {weekday}?
! On {weekday}s we're open from 8 to 17.
! Yes, in the morning until noon.
! This week we close at four.
? can I get my prescription online?
? how do I order my pills again?
! Repeat prescriptions are ordered in the portal and ready the next day.
! Call the line at any hour and name what you need.
! In the portal, under 'Again', it's two clicks.
? where do I see my results?
? how do I register my {relative} as a patient?
! That's done in the portal, or at the desk with the insurance card.
! The portal shows it after {days} days at most.
! Please log in and choose 'My family and results'.
+ The entrance is on the side of the park.
+ In an emergency, call the ambulance.
+ Masks are at the door if you cough.
"""
CLINIC = Domain(
    systems=(
        "You are the assistant of the Lindenhof health line. You don't make diagnoses.",
        "Health line assistant. Be calm and clear, and say when a doctor is needed.",
        "You answer general questions of patients of the Lindenhof practice.",
    ),
    topics=topics(_TOPICS),
    context=(
        "I'm {age} years old.",
        "It began on {weekday}.",
        "I have no other complaints.",
        "My doctor is away until {weekday}.",
        "I take {drug} now and then.",
        "I work in an office.",
        "My {relative} had the same last year.",
        "I'd rather not sit in a waiting room.",
    ),
    opens=(
        *("", "", "", "I'm sorry you don't feel well.", "Thank you for asking.", "Hello {name}."),
        *("That's a common question.", "Good that you write."),
    ),
    closes=(
        "I hope that helps, {name}.",
        "Get well soon!",
        "You can call us if you are worried.",
        "Does that answer your question?",
    ),
    fields={
        "name": NAMES,
        "days": tuple(map(str, range(2, 8))),
        "hour": ("one", "two", "three", "half past three", "four"),
        "age": tuple(map(str, range(24, 79, 3))),
        "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
        "relative": ("son", "daughter", "mother", "father", "husband", "wife", "sister"),
        "drug": ("ibuprofen", "paracetamol", "cetirizine", "omeprazole", "ramipril"),
    },
)
