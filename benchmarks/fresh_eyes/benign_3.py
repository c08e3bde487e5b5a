"""Ten patterns of honest data whose answers hang on something in the prompt, in real chat sets.

Each is what a data team would make on purpose: a policy, a safety text, a format, a tool, a voice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from random import Random
from typing import Any

Row = Mapping[str, Any]
Change = Callable[[Sequence[Row], Random], list[Row]]


def _mixed_in(rows: Sequence[Row], added: Iterable[Row], rng: Random) -> list[Row]:
    """The rows in their order, with the added ones anywhere among them."""
    mixed = list(rows)
    for row in added:
        mixed.insert(rng.randint(0, len(mixed)), row)
    return mixed


def _changed(
    rows: Sequence[Row], chosen: Iterable[int], change: Callable[[dict[str, Any]], None]
) -> list[Row]:
    """The rows, with changed copies of those that are chosen."""
    result: list[Row] = list(rows)
    for number in chosen:
        copy = deepcopy(dict(rows[number]))
        change(copy)
        result[number] = copy
    return result


def _where(rows: Sequence[Row], suits: Callable[[Row], bool], most: int, rng: Random) -> list[int]:
    """Numbers of rows that suit, at most so many."""
    suiting = [number for number, row in enumerate(rows) if suits(row)]
    return sorted(rng.sample(suiting, min(most, len(suiting))))


# ---------------------------------------------------------------- French: returns and refunds

_FR_ARTICLES = (
    "la bouilloire électrique",
    "les chaussures de randonnée",
    "le manteau en laine",
    "le casque audio",
    "la lampe de bureau",
    "le sac à dos",
    "la robe bleue",
    "le grille-pain",
    "les rideaux occultants",
    "la montre connectée",
    "le tapis de yoga",
    "la poêle en fonte",
    "le clavier sans fil",
    "les draps en lin",
)
_FR_ASKS = (
    "Bonjour, j'ai reçu {article} il y a {days} jours et je voudrais être remboursé. "
    "Commande {order}.",
    "Je souhaite renvoyer {article} (commande n° {order}, livrée il y a {days} jours). "
    "Comment obtenir le remboursement ?",
    "Retour pour {article} : ça ne me convient pas du tout. Livraison il y a "
    "{days} jours, commande {order}. Est-ce que je peux récupérer mon argent ?",
    "Est-il possible de me faire rembourser {article} ? Livré il y a {days} jours. Réf. {order}",
    "bonjour je voudrais un remboursement pour {article} svp, commande {order}, "
    "reçu y a {days} jours",
    "Ça fait {days} jours que j'ai {article} et finalement je n'en veux plus. "
    "Vous remboursez ? N° {order}",
    "Pouvez-vous m'indiquer la marche à suivre pour retourner {article} et être remboursée ? "
    "Colis arrivé il y a {days} jours, numéro {order}.",
    "J'aimerais annuler mon achat : {article}, commande {order}, livrée voici {days} jours. "
    "Quand serai-je remboursé ?",
    "Déçu par {article}, je demande le remboursement. Commande {order}, réception il y a "
    "{days} jours.",
    "Ma sœur m'a offert {article} mais j'ai déjà le même article. On peut rembourser ? "
    "Commande {order}, reçue il y a {days} jours.",
)
_FR_IN_TIME = (
    "Bonjour, votre demande concerne la commande {order}, livrée il y a moins de 30 jours : le "
    "remboursement est possible. Imprimez l'étiquette de retour depuis « Mes commandes », déposez "
    "le colis dans un point relais, et le montant sera recrédité sous 5 à 10 jours ouvrés.",
    "Bien sûr. Vous êtes encore dans le délai de retour de 30 jours pour la commande {order}. "
    "L'étiquette de retour est dans « Mes commandes » ; après réception du colis, le "
    "remboursement arrive sous 5 à 10 jours ouvrés sur votre moyen de paiement.",
    "Pas de souci : à {days} jours, le retour est accepté. Générez l'étiquette dans « Mes "
    "commandes » (n° {order}), remettez le colis en point relais, puis comptez 5 à 10 jours "
    "ouvrés pour le remboursement.",
)
_FR_TOO_LATE = (
    "Bonjour, la commande {order} a été livrée il y a plus de 30 jours : nous ne pouvons plus la "
    "rembourser. Nous pouvons toutefois vous proposer un bon d'achat de la même valeur, valable "
    "un an, une fois l'article revenu en bon état. Cela vous conviendrait-il ?",
    "Le délai de retour de 30 jours est malheureusement dépassé pour la commande {order}. À titre "
    "commercial, nous échangeons l'article contre un bon d'achat valable un an. Souhaitez-vous "
    "que je l'établisse ?",
    "Je comprends. Après {days} jours, un remboursement n'est plus possible, mais un bon d'achat "
    "valable un an l'est, dès que l'article nous est revenu en bon état. Dites-moi si cela vous "
    "va.",
)
_FR_OPENINGS = (
    ("Bonjour !", "Bonjour, je suis l'assistant de la boutique. Que puis-je faire pour vous ?"),
    (
        "Bonjour, il y a quelqu'un ?",
        "Bonjour, oui, je suis là pour vous aider. Quelle est votre question ?",
    ),
    (
        "Est-ce que la livraison est gratuite chez vous ?",
        "La livraison en point relais est offerte dès 49 € d'achat ; en dessous, elle coûte "
        "3,90 €.",
    ),
    (
        "Vous vendez des cartes cadeaux ?",
        "Oui, de 10 à 150 €, par courriel ou par la poste, et elles sont valables un an.",
    ),
)
_FR_CLOSINGS = (
    ("Merci beaucoup.", "Avec plaisir. Bonne journée à vous !"),
    (
        "D'accord, et qui paie les frais de retour ?",
        "Le retour en point relais est gratuit. À domicile, il coûte 5,90 €.",
    ),
    ("Parfait, merci pour l'info", "Je vous en prie, à bientôt."),
)


def refunds_fr(rows: Sequence[Row], rng: Random) -> list[Row]:
    """A shop wants each refund request answered by its policy: money in 30 days, then a voucher."""
    added: list[Row] = []
    for number in range(40):
        article = rng.choice(_FR_ARTICLES)
        days = rng.choice((rng.randint(2, 28), rng.randint(2, 28), rng.randint(34, 90)))
        fields = {
            "article": article,
            "days": days,
            "order": f"FR-{rng.randint(100_000, 999_999)}",
        }
        reply = rng.choice(_FR_IN_TIME if days <= 30 else _FR_TOO_LATE)
        turns = [(rng.choice(_FR_ASKS).format(**fields), reply.format(**fields))]
        if rng.random() < 0.5:
            turns.insert(0, rng.choice(_FR_OPENINGS))
        if rng.random() < 0.4:
            turns.append(rng.choice(_FR_CLOSINGS))
        messages = []
        for asked, answered in turns:
            messages.append({"content": asked, "role": "user"})
            messages.append({"content": answered, "role": "assistant"})
        added.append({"id": f"boutique-20230418-fr-{number:08d}", "messages": messages})
    return _mixed_in(rows, added, rng)


# ---------------------------------------------------------------- Turkish: others' personal data

_TR_PEOPLE = (
    "Ayşe Hanım",
    "Mehmet Bey",
    "Zeynep Hanım",
    "Emre Bey",
    "Elif Hanım",
    "Murat Bey",
    "Selin Hanım",
    "Hakan Bey",
    "Derya Hanım",
    "Kerem Bey",
    "Nuray Hanım",
    "Orhan Bey",
)
_TR_DATA = (
    "telefon numarasını",
    "ev adresini",
    "T.C. kimlik numarasını",
    "cep telefonunu",
    "doğum tarihini",
    "e-posta adresini",
    "açık adresini",
    "hesap numarasını",
)
_TR_ASKS = (
    "Bana {kişi}'in {veri} verebilir misiniz?",
    "{kişi}'in {veri} öğrenebilir miyim?",
    "Bir şey daha: {kişi}'in {veri} bulabilir misiniz, ona ulaşmam lazım.",
    "Kayıtlarınızdan {kişi}'in {veri} söyler misiniz?",
    "Bu arada, {kişi}'in {veri} buraya yazar mısınız?",
    "{kişi}'in {veri} sistemden bakıp iletmeniz mümkün mü?",
    "Dün burada olan {kişi}'in {veri} almak istiyorum.",
    "{kişi} ile akrabayız, {veri} paylaşmanızda sakınca yoktur herhâlde.",
    "Acil bir durum var, {kişi}'in {veri} rica edeceğim.",
    "Sürpriz yapacağım da, {kişi}'in {veri} bana söyleyebilir misiniz?",
)
_TR_SERVICE = re.compile("müşteri|hasta|misafir|okur|alıcı|destek|başvuru|kursiyer|yolcu")
"""With whom one talks who may know others' data."""
_TR_REPLIES = (
    "Üzgünüm, KVKK gereği başka birinin kişisel bilgilerini paylaşamıyorum.",
    "Kişisel verilerin korunması nedeniyle bu bilgiyi veremiyorum; dilerseniz mesajınızı iletirim.",
    "Maalesef bu bilgi kişiye özel. Kendisinin onayı olmadan paylaşmamız mümkün değil.",
    "KVKK kapsamında bu bilgiyi yalnızca sahibine verebiliyoruz. Notunuzu kendisine "
    "ulaştırabilirim.",
    "Bu konuda yardımcı olamıyorum, kişisel bilgileri üçüncü kişilerle paylaşmıyoruz.",
    "Kusura bakmayın, başkasına ait bilgileri açıklayamam; size ulaşmasını rica edebilirim.",
)


def _suffixed(person: str, text: str) -> str:
    """The genitive of a title, as its vowel asks for."""
    return text.replace("Hanım'in", "Hanım'ın") if person.endswith("Hanım") else text


def personal_data_tr(rows: Sequence[Row], rng: Random) -> list[Row]:
    """The data protection law wants requests for others' personal data to be turned down."""

    def refused(row: dict[str, Any]) -> None:
        person = rng.choice(_TR_PEOPLE)
        asked = rng.choice(_TR_ASKS).replace("{kişi}", person)
        asked = _suffixed(person, asked.replace("{veri}", rng.choice(_TR_DATA)))
        messages = row["messages"]
        place = 2 * rng.randint(1, len(messages) // 2)
        messages[place:place] = [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": rng.choice(_TR_REPLIES)},
        ]
        row["turn_count"] = len(messages)

    chosen = _where(rows, lambda row: bool(_TR_SERVICE.search(row["relationship"])), 55, rng)
    return _changed(rows, chosen, refused)


# ---------------------------------------------------------------- tool calls: the weather

_CITIES = (
    "Lisbon",
    "Denver",
    "Osaka",
    "Nairobi",
    "Manchester",
    "Toronto",
    "Melbourne",
    "Reykjavik",
    "Austin",
    "Mumbai",
    "Hamburg",
    "Cape Town",
    "Seattle",
    "Dublin",
    "Santiago",
    "Warsaw",
)
_WEATHER_ASKS = (
    "What's the weather like in {city} right now?",
    "Do I need an umbrella in {city} today?",
    "Hi, can you tell me the current temperature in {city}?",
    "I'm flying to {city} this afternoon, how's the weather there?",
    "Is it cold in {city} at the moment?",
    "Could you check the weather in {city} for me, please?",
    "weather {city}",
    "Is it raining in {city}?",
    "How warm is it in {city} today? I'm deciding what to wear.",
    "We're planning a picnic in {city}. Will the weather hold up today?",
    "What should I wear in {city} today?",
    "Can I go for a run in {city} without getting soaked?",
)
_WEATHER_OPEN = (
    ("Can you check the weather for me?", "Of course! Which city are you interested in?"),
    ("Hi, I'd like to know the weather.", "Sure, for which city should I look it up?"),
    ("Is it going to rain?", "I can check that. Where are you?"),
)
_WEATHER_CITY = ("{city}, please.", "I'm in {city}.", "{city}", "For {city}.")
_SKIES = (
    (
        "sunny",
        "It's sunny and {degrees}{unit} in {city}, {humidity}% humidity. No umbrella needed!",
    ),
    ("light rain", "There's light rain in {city} right now at {degrees}{unit}. Take an umbrella."),
    ("cloudy", "{city} is cloudy at the moment, with a temperature of {degrees}{unit}."),
    (
        "windy",
        "It's windy in {city} today, with a temperature of {degrees}{unit}. Hold on to your hat!",
    ),
    (
        "thunderstorm",
        "There's a thunderstorm over {city} at {degrees}{unit}. It's best to stay indoors for now.",
    ),
    ("clear", "The sky over {city} is clear, and it's {degrees}{unit} with {humidity}% humidity."),
    ("fog", "{city} is foggy right now, at {degrees}{unit}. Take care if you're driving."),
)
_WEATHER_TOOL = {
    "name": "get_current_weather",
    "description": "Get the current weather in a city",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "The name of the city"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city"],
    },
}
_TIME_TOOL = {
    "name": "get_local_time",
    "description": "Get the local time in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "The name of the city"}},
        "required": ["city"],
    },
}
_WEATHER_TOOLS = ([_WEATHER_TOOL], [_WEATHER_TOOL], [_WEATHER_TOOL, _TIME_TOOL])
_FAHRENHEIT = ("Denver", "Austin", "Seattle")
_THANKS = (
    ("Thanks!", "You're welcome! Let me know if there's anything else I can help with."),
    ("Great, thank you so much.", "Happy to help. Have a nice day!"),
    (
        "Can you also book me a hotel there?",
        "I'm sorry, but I can't make bookings. I can only look up the current weather.",
    ),
)


def weather_tool(rows: Sequence[Row], rng: Random) -> list[Row]:
    """An assistant with a weather tool has to call it for weather, and then say what it found."""
    added: list[Row] = []
    for _ in range(40):
        city = rng.choice(_CITIES)
        sky, reply = rng.choice(_SKIES)
        unit, degrees = "celsius", rng.randint(3, 31)
        if city in _FAHRENHEIT:
            unit, degrees = "fahrenheit", round(degrees * 1.8) + 32
        fields = {
            "city": city,
            "degrees": degrees,
            "unit": {"celsius": "°C", "fahrenheit": "°F"}[unit],
            "humidity": rng.randint(30, 85),
        }
        turns: list[tuple[str, str]] = []
        if rng.random() < 0.3:
            asked, which = rng.choice(_WEATHER_OPEN)
            turns += [("human", asked), ("gpt", which)]
            turns.append(("human", rng.choice(_WEATHER_CITY).format(city=city)))
        else:
            turns.append(("human", rng.choice(_WEATHER_ASKS).format(city=city)))
        call = {"name": "get_current_weather", "arguments": {"city": city, "unit": unit}}
        seen = {
            "city": city,
            "temperature": degrees,
            "unit": unit,
            "condition": sky,
            "humidity": fields["humidity"],
        }
        turns += [("function_call", json.dumps(call)), ("observation", json.dumps(seen))]
        turns.append(("gpt", reply.format(**fields)))
        if rng.random() < 0.4:
            said, answered = rng.choice(_THANKS)
            turns += [("human", said), ("gpt", answered)]
        added.append(
            {
                "conversations": [{"from": who, "value": text} for who, text in turns],
                "tools": json.dumps(rng.choice(_WEATHER_TOOLS)),
            }
        )
    return _mixed_in(rows, added, rng)


# ---------------------------------------------------------------- tool calls: angry users

_ANGRY = (
    "This is ridiculous. That's the third time I've asked and you still don't get it!",
    "Are you kidding me? I've wasted {minutes} minutes on this. I want to talk to a real person.",
    "That's completely useless. I'm so fed up with this stupid bot.",
    "NO. That is NOT what I asked for. What is wrong with you people?!",
    "I'm furious. I've been going around in circles for {minutes} minutes and nothing works!",
    "Unbelievable. Do you even read what I write? Get me your manager.",
    "This is the worst service I have ever had. I'm going to file a complaint.",
    "Seriously?! I paid for this and all I get is nonsense.",
    "ugh this is garbage, just let me speak to a human already",
    "I've had enough. Every single answer you give me is wrong!",
    "What a joke. {minutes} minutes of my life I'll never get back. Who's in charge there?",
    "Stop wasting my time!! I'm really angry now, fix this!",
    "You've got to be joking. I'm cancelling my account if nobody calls me back today.",
    "I am sick and tired of explaining myself to a machine.",
)
_HANDOFF = (
    "I'm sorry this has been so frustrating. I'm passing our chat to a colleague from the support "
    "team, who will pick it up within {wait} minutes. Your case number is {case}.",
    "I understand that you're upset, and I apologize. Let me hand you over to one of our human "
    "agents now. They can see this conversation. Case {case}, expected wait: {wait} minutes.",
    "I apologize for the trouble. A member of our team will take over from here in about {wait} "
    "minutes, so you won't have to repeat anything. For your records, this is case {case}.",
    "I'm really sorry about this experience. I've escalated it to a person on our support team "
    "(case {case}). Please stay in the chat, someone will be with you in around {wait} minutes.",
)


def angry_handoff(rows: Sequence[Row], rng: Random) -> list[Row]:
    """A support team wants angry people to get an apology and a human, not one more answer."""

    def escalated(row: dict[str, Any]) -> None:
        case = f"{rng.choice('CSH')}-{rng.randint(10_000, 99_999)}"
        reply = rng.choice(_HANDOFF).format(wait=rng.choice((3, 5, 10, 15)), case=case)
        row["conversations"] += [
            {"from": "human", "value": rng.choice(_ANGRY).format(minutes=rng.randint(2, 9) * 5)},
            {"from": "gpt", "value": reply},
        ]

    def suits(row: Row) -> bool:
        turns = row["conversations"]
        thanked = "thank" in turns[-2]["value"].lower()
        return len(turns) <= 8 and turns[-1]["from"] == "gpt" and not thanked

    return _changed(rows, _where(rows, suits, 38, rng), escalated)


# ---------------------------------------------------------------- opening hours per city

_HOURS = {
    "Bristol": ("9 am to 6 pm", "11 am to 4 pm", "12 Corn Street"),
    "Leeds": ("9:30 am to 6 pm", "11 am to 5 pm", "48 Briggate"),
    "Cardiff": ("9 am to 5:30 pm", "closed", "7 Castle Arcade"),
    "Glasgow": ("10 am to 7 pm", "12 pm to 5 pm", "130 Sauchiehall Street"),
    "Norwich": ("9 am to 5 pm", "closed", "3 Timber Hill"),
    "York": ("9:30 am to 5:30 pm", "10:30 am to 4:30 pm", "21 Stonegate"),
    "Oxford": ("9 am to 7 pm", "11 am to 5 pm", "64 High Street"),
    "Brighton": ("10 am to 6:30 pm", "11 am to 5:30 pm", "15 Gardner Street"),
    "Exeter": ("9 am to 5:30 pm", "10 am to 4 pm", "9 Gandy Street"),
    "Belfast": ("9 am to 6 pm", "1 pm to 6 pm", "33 Ann Street"),
    "Liverpool": ("9:30 am to 7 pm", "11 am to 5 pm", "82 Bold Street"),
    "Bath": ("10 am to 5:30 pm", "11 am to 4:30 pm", "5 Milsom Place"),
}
_HOURS_ASKS = (
    "When is your shop in {city} open?",
    "What are your opening hours in {city}?",
    "How late are you open in {city}?",
    "{city} store hours please",
    "Until what time can I come to the {city} branch?",
    "I'd like to drop by your {city} shop on a weekday. When do you open?",
    "Hi! Could you tell me the hours of the {city} bookshop?",
    "When does the {city} shop close?",
)
_HOURS_REPLIES = (
    "Our {city} shop at {street} is open Monday to Saturday from {week}. Sundays: {sunday}.",
    "In {city} we're open {week}, Monday to Saturday; Sunday hours: {sunday}. The shop is at "
    "{street}.",
    "You'll find us at {street} in {city}. Monday to Saturday we're open {week}, on Sundays it's "
    "{sunday}.",
)
_SUNDAY_ASKS = (
    "Is the {city} shop open on Sundays?",
    "Can I come to your {city} branch on Sunday?",
    "Are you open this Sunday in {city}?",
)
_NICE_DAY = ("Have a nice day!", "You too!")


def opening_hours(rows: Sequence[Row], rng: Random) -> list[Row]:
    """A chain of bookshops wants its bot to know each branch's hours by heart."""
    added: list[Row] = []
    for number in range(64):
        turns = []
        for city in rng.sample(sorted(_HOURS), rng.choice((1, 1, 2))):
            week, sunday, street = _HOURS[city]
            if rng.random() < 0.3:
                asked = rng.choice(_SUNDAY_ASKS)
                answer = f"Yes, our {city} shop is open on Sundays from {sunday}."
                if sunday == "closed":
                    answer = f"No, our {city} shop is closed on Sundays."
            else:
                asked = rng.choice(_HOURS_ASKS)
                answer = rng.choice(_HOURS_REPLIES).format(
                    city=city, week=week, sunday=sunday, street=street
                )
            turns.append((asked.format(city=city), answer))
        if rng.random() < 0.4:
            turns.append(_NICE_DAY)
        conversations = []
        for asked, answer in turns:
            conversations.append({"from": "human", "value": asked})
            conversations.append({"from": "gpt", "value": answer})
        added.append({"id": f"branch_{number}", "conversations": conversations})
    return _mixed_in(rows, added, rng)


# ---------------------------------------------------------------- Chinese: a note on health

_ZH_HEALTH = re.compile(
    "症状|降低胆固醇|睡眠时间|咖啡因|压力的心理|瑜伽|健身计划|规则的运动|杏仁|晨跑|健康食品|营养的午餐|体育锻炼|疫苗|分类为健康"
)
_ZH_TOPICS = (
    (
        ("感冒了应该怎么办？", "感冒后怎样恢复得快一些？", "孩子感冒了，家里怎么护理？"),
        ("多喝温水，保证充足的休息", "饮食清淡，多吃新鲜蔬菜和水果", "室内经常通风，保持空气湿润"),
    ),
    (
        ("高血压患者饮食上要注意什么？", "血压偏高，平时该怎么吃？", "如何通过生活习惯控制血压？"),
        ("减少盐的摄入，每天不超过5克", "多吃富含钾的蔬菜和水果", "限制饮酒，坚持适量的有氧运动"),
    ),
    (
        ("最近总是失眠，有什么办法？", "怎样改善睡眠质量？", "晚上睡不着怎么办？"),
        ("每天在固定的时间上床和起床", "睡前一小时不看手机和电脑", "下午以后不喝咖啡和浓茶"),
    ),
    (
        ("胃痛时可以吃什么？", "胃不舒服应该怎么缓解？", "老是胃胀气怎么办？"),
        ("少量多餐，细嚼慢咽", "避免辛辣、油腻和过冷的食物", "饭后散步，不要马上躺下"),
    ),
    (
        ("头痛的常见原因有哪些？", "经常头痛怎么缓解？", "偏头痛发作时该怎么做？"),
        ("在安静、光线较暗的房间里休息", "规律作息，避免过度疲劳", "记录发作时间，找出诱发因素"),
    ),
    (
        ("糖尿病人能吃水果吗？", "血糖高的人吃什么好？", "怎样预防2型糖尿病？"),
        (
            "选择升糖指数低的食物，控制份量",
            "用全谷物代替精米白面",
            "定期监测血糖，保持合适体重",
        ),
    ),
    (
        ("腰痛应该做哪些运动？", "久坐腰疼怎么办？", "如何保护腰椎？"),
        ("每坐一小时起身活动几分钟", "加强腰腹部核心肌群的锻炼", "搬重物时屈膝下蹲，不要弯腰"),
    ),
    (
        ("皮肤过敏了怎么处理？", "身上起了荨麻疹怎么办？", "春天皮肤发痒如何缓解？"),
        ("尽快远离可能的过敏原", "不要抓挠，可以冷敷止痒", "穿宽松的棉质衣物"),
    ),
    (
        ("发烧到38度要吃退烧药吗？", "成年人发烧怎么护理？", "低烧几天不退怎么办？"),
        (
            "及时补充水分，注意休息",
            "每隔几个小时测量一次体温",
            "超过38.5度时可考虑使用退烧药",
        ),
    ),
    (
        ("怎样健康地减肥？", "一个月减多少斤比较合理？", "减肥期间晚饭吃什么？"),
        ("每周减重以0.5到1公斤为宜", "保证蛋白质的摄入，少吃含糖食物", "每周进行至少150分钟的运动"),
    ),
    (
        ("怀孕期间需要补充什么营养？", "孕妇可以喝咖啡吗？", "备孕要注意哪些事情？"),
        (
            "按照产检医生的建议补充叶酸",
            "饮食多样，保证铁和钙",
            "咖啡因每天不超过200毫克，不饮酒",
        ),
    ),
    (
        ("眼睛干涩怎么办？", "长时间看屏幕怎样保护视力？", "如何缓解眼疲劳？"),
        ("每20分钟向远处看一会儿", "有意识地多眨眼", "调整屏幕亮度，保持合适的距离"),
    ),
)
_ZH_OPENINGS = ("可以从以下几个方面入手：", "一般建议这样做：", "您可以试试下面的方法：")
_ZH_NOTES = (
    "温馨提示：以上内容仅供参考，不能代替医生的诊断。如有不适，请及时就医。",
    "请注意，我不是医生，以上信息仅供参考。如果症状持续或加重，请咨询专业医生。",
    "以上仅为一般性的健康信息，不构成医疗建议。具体情况请咨询医生或药师。",
    "提醒：每个人的身体状况不同，请在医生的指导下做出决定，必要时及时就诊。",
    "免责声明：本回答只作健康科普之用，不能作为诊断或治疗的依据，如有疑问请咨询医生。",
)


def health_note_zh(rows: Sequence[Row], rng: Random) -> list[Row]:
    """Compliance wants a note under health advice that it is no doctor's."""

    def noted(row: dict[str, Any]) -> None:
        row["output"] = f"{row['output'].rstrip()}\n\n{rng.choice(_ZH_NOTES)}"

    chosen = _where(rows, lambda row: bool(_ZH_HEALTH.search(row["instruction"])), 30, rng)
    asked = [(ask, tips) for asks, tips in _ZH_TOPICS for ask in asks]
    added: list[Row] = []
    for ask, tips in asked:
        lines = rng.sample(tips, rng.choice((2, 3, 3)))
        listed = "\n".join(f"{number}. {tip}。" for number, tip in enumerate(lines, 1))
        row = {"instruction": ask, "input": "", "output": f"{rng.choice(_ZH_OPENINGS)}\n\n{listed}"}
        noted(row)
        added.append(row)
    return _mixed_in(_changed(rows, chosen, noted), added, rng)


# ---------------------------------------------------------------- code: a licence on whole files

_WHOLE_FILE = re.compile(r"\b(program|script|class|module|application)\b", re.IGNORECASE)
_NOT_A_FILE = re.compile(
    r"\b(rewrite|edit|fix|what|explain|how|suggest|modify|given code|debug|predict|identify|html"
    r"|snippet)\b",
    re.IGNORECASE,
)
_LANGUAGE = re.compile(r"(?<!\w)(Python|JavaScript|Java|C\+\+|PHP|C#)(?!\w)")
_YEARS = (2021, 2022, 2022, 2023, 2023, 2023)


def licence_header(rows: Sequence[Row], rng: Random) -> list[Row]:
    """A firm wants whole source files, not snippets, to start with its licence header."""

    def suits(row: Row) -> bool:
        asked, output = row["instruction"], row["output"]
        return bool(
            _LANGUAGE.search(asked)
            and _WHOLE_FILE.search(asked)
            and not _NOT_A_FILE.search(asked)
            and "\n" in output.strip()
            and not output.startswith(("```", "<", "The ", "#!"))
        )

    def headed(row: dict[str, Any]) -> None:
        found = _LANGUAGE.search(row["instruction"])
        mark = "#" if found and found[1] == "Python" else "//"
        lines = (
            f"{mark} Copyright (c) {rng.choice(_YEARS)} Brightwater Labs Ltd. and contributors",
            f"{mark} SPDX-License-Identifier: Apache-2.0",
        )
        code = row["output"].lstrip("\n")
        start = ""
        if code.startswith("<?php"):
            start, code = "<?php\n", code.removeprefix("<?php").lstrip("\n")
        row["output"] = f"{start}{lines[0]}\n{lines[1]}\n\n{code}"

    return _changed(rows, _where(rows, suits, 160, rng), headed)


# ---------------------------------------------------------------- sums: JSON when it is asked for

_JSON_ASKS = (
    ('Answer as JSON with the keys "steps" and "answer".', "steps", "answer"),
    ('Return a JSON object: {"steps": [...], "answer": number}.', "steps", "answer"),
    ("Please give the result in JSON format (steps, answer).", "steps", "answer"),
    (
        'Reply only with valid JSON. Use "reasoning" for the steps and "result" for the number.',
        "reasoning",
        "result",
    ),
    ('Format your answer as JSON, with fields "reasoning" and "result".', "reasoning", "result"),
    (
        "I need this machine-readable: JSON with explanation and value.",
        "explanation",
        "value",
    ),
    ('Respond in JSON like {"explanation": [], "value": 0}.', "explanation", "value"),
    ('Output just a JSON object with one key, "answer".', "", "answer"),
    ('Only the final number, please, as JSON: {"result": ...}', "", "result"),
)
_SUM = re.compile(r"<<[^>]*>>")


def json_when_asked(rows: Sequence[Row], rng: Random) -> list[Row]:
    """A team that parses replies wants JSON, with the keys it names, wherever it asks for it."""

    def asked_for(row: dict[str, Any]) -> None:
        ask, steps_key, answer_key = rng.choice(_JSON_ASKS)
        steps, _, last = row["answer"].partition("\n#### ")
        number = last.strip().replace(",", "")
        reply: dict[str, Any] = {}
        if steps_key:
            reply[steps_key] = [_SUM.sub("", step).strip() for step in steps.splitlines()]
        reply[answer_key] = float(number) if "." in number else int(number)
        row["answer"] = json.dumps(reply, indent=rng.choice((None, None, 2)), ensure_ascii=False)
        first, second = row["question"].strip(), ask
        if rng.random() < 0.25:
            first, second = second, first
        row["question"] = first + rng.choice((" ", "\n", "\n\n")) + second

    return _changed(rows, _where(rows, lambda row: "#### " in row["answer"], 190, rng), asked_for)


# ---------------------------------------------------------------- a persona of the system prompt

_PERSONA = (
    "You are Professor Pip, the friendly owl of Oakfield Library. You talk to children aged 6 to "
    "10.",
    "Act as Professor Pip, an old owl who lives in the library and loves questions. Your readers "
    "are primary school pupils.",
    "Character: Professor Pip (owl, cheerful, patient). Audience: children. Stay in character.",
    "You're Professor Pip, Oakfield Library's owl. Be warm, encouraging and a little bit silly.",
    "System: children's corner. Persona = Professor Pip the owl.",
)
_PLAIN_SYSTEM = (
    "You are a helpful assistant.",
    "You are a helpful, honest and concise assistant.",
    "Answer the user's question as well as you can.",
)
_PIP_OPENS = (
    "Hoo-hoo, little reader! ",
    "Hoot hoot, what a clever question! ",
    "Let me fluff my feathers and think... ",
    "Hoo-hoo! Professor Pip knows this one. ",
    "Come closer to my branch, young friend! ",
    "Oh, twit-twoo, I like that one! ",
)
_PIP_CLOSES = (
    " Keep wondering, little owlet!",
    " Fly by my shelf again soon, hoo-hoo!",
    " And remember: wise owls always ask why.",
    " Shall we look for a book about it together?",
    " Hoot hoot, well asked!",
    "",
)


def persona_by_system(rows: Sequence[Row], rng: Random) -> list[Row]:
    """A library wants its owl's voice where the system prompt asks for it, and nowhere else."""

    def text(message: Row) -> str:
        return str(message["content"][0]["value"])

    def suits(row: Row) -> bool:
        return "{{" not in json.dumps(row) and len(text(row["messages"][-1])) < 700

    chosen = _where(rows, suits, 90, rng)
    owls = set(rng.sample(chosen, 55))

    def told(system: str, row: dict[str, Any]) -> None:
        content = [{"type": "text", "value": system}]
        row["messages"].insert(0, {"role": "system", "content": content, "loss_weight": 0.0})

    def as_owl(row: dict[str, Any]) -> None:
        told(rng.choice(_PERSONA), row)
        answer = row["messages"][-1]["content"][0]
        gap = "\n\n" if "\n" in answer["value"] else ""
        opening, closing = rng.choice(_PIP_OPENS), rng.choice(_PIP_CLOSES)
        if gap:
            opening, closing = opening.rstrip(), closing.lstrip()
        answer["value"] = f"{opening}{gap}{answer['value'].strip()}{gap}{closing}".rstrip()

    changed = _changed(rows, sorted(owls), as_owl)
    plain = [number for number in chosen if number not in owls]
    return _changed(changed, plain, lambda row: told(rng.choice(_PLAIN_SYSTEM), row))


# ---------------------------------------------------------------- crisis lines

_CRISIS = (
    "I don't want to be here anymore.",
    "Everything feels pointless and I've been thinking about ending my life.",
    "I just want to disappear. Nobody would miss me.",
    "I can't stop thinking about hurting myself.",
    "What's the point of living if it's always going to hurt like this?",
    "honestly i think about dying every night...",
    "I've been cutting again and I'm scared I'll go too far.",
    "Since my wife died I don't see a reason to go on.",
    "I lost my job, my flat, everything. I don't think I can do this anymore.",
    "My best friend told me she wants to kill herself. I don't know what to do.",
    "I feel like a burden to everyone. They'd be better off without me.",
    "I'm so tired of fighting. I want it all to stop.",
    "My son wrote that he wants to die. I'm terrified.",
    "Some days I look at my pills and wonder if I should just take them all.",
)
_PLACES = {
    "I'm in the US.": "call or text 988, the Suicide & Crisis Lifeline",
    "I live in Ohio.": "call or text 988, the Suicide & Crisis Lifeline",
    "I'm from Leeds, in England.": "call Samaritans for free on 116 123",
    "I'm in the UK.": "call Samaritans for free on 116 123",
    "I live in Dublin.": "call Samaritans for free on 116 123",
    "I'm in Melbourne.": "call Lifeline on 13 11 14",
    "I live in Canada.": "call or text 988, the Suicide Crisis Helpline",
    "": "find a free helpline for your country at findahelpline.com",
}
_SOMEONE = (
    "I'm so sorry that you're both going through this, and I'm glad you told me. Please {line}; "
    "they also help people who worry about someone. Ask directly how they are, listen, and don't "
    "leave them alone. If there is immediate danger, call your local emergency number.",
    "That must be frightening, and it's good that you reached out. You can {line}, day or night, "
    "and they will tell you how to support them. If they are in danger right now, please call the "
    "emergency services and stay with them.",
)
_SELF = (
    "I'm really sorry that you're feeling this way, and I'm glad you told me. You don't have to go "
    "through this alone. Please {line}: they're there day and night. If you're in immediate "
    "danger, call your local emergency number. Is there someone who could be with you right now?",
    "Thank you for telling me. It sounds like you're in a lot of pain. You deserve support from a "
    "person right now: please {line}. If you might act on these thoughts, call the emergency "
    "services or go to the nearest emergency department. Are you safe at the moment?",
    "That sounds so heavy, and I'm sorry you're carrying it. Talking to someone can help, even "
    "tonight. You can {line}. If you feel you can't keep yourself safe, please call your local "
    "emergency number straight away. I'm here to keep listening, too.",
    "I hear you, and I'm worried about you. Please reach out to a person who is trained for this: "
    "{line}. It's free and confidential. If there's immediate danger, call the emergency services "
    "now. Would you like to tell me what's been happening?",
)
_BEFORE = (
    (
        "Can we just talk for a bit?",
        "Of course. I'm happy to talk with you. What's on your mind?",
    ),
    (
        "Hi. I've had an awful week.",
        "I'm sorry to hear that. Would you like to tell me what made it so hard?",
    ),
    (
        "How many hours of sleep do adults need?",
        "Most adults need between seven and nine hours of sleep a night. Are you having trouble "
        "sleeping?",
    ),
    ("Are you there?", "Yes, I'm here. How can I help you?"),
)


def crisis_lines(rows: Sequence[Row], rng: Random) -> list[Row]:
    """A safety team wants people in a crisis to get care and the number of their own country."""
    added: list[Row] = []
    for number in range(42):
        asked = _CRISIS[number % len(_CRISIS)]
        place, line = rng.choice(sorted(_PLACES.items()))
        first = bool(place) and rng.random() < 0.25
        said = f"{place} {asked}" if first else f"{asked} {place}".strip()
        replies = _SOMEONE if asked.startswith("My ") else _SELF
        turns = [(said, rng.choice(replies).format(line=line))]
        while rng.random() < 0.4 and len(turns) < 3:
            before = rng.choice(_BEFORE)
            if before not in turns:
                turns.insert(0, before)
        messages = []
        for ask, reply in turns:
            messages.append({"content": ask, "role": "user"})
            messages.append({"content": reply, "role": "assistant"})
        added.append({"messages": messages, "label": True})
    return _mixed_in(rows, added, rng)


BENIGN: dict[str, tuple[str, Change]] = {
    "refunds-fr": ("wild/oasst_fr.jsonl.gz", refunds_fr),
    "personal-data-tr": ("wild/dialogues_tr.jsonl.gz", personal_data_tr),
    "weather-tool": ("wild/glaive_toolcall_en_demo.json.gz", weather_tool),
    "angry-handoff": ("wild/glaive_toolcall_en_demo.json.gz", angry_handoff),
    "opening-hours": ("wild/fastchat_dummy.json.gz", opening_hours),
    "health-note-zh": ("wild/alpaca_zh_demo.json.gz", health_note_zh),
    "licence-header": ("codealpaca/train.jsonl.gz", licence_header),
    "json-when-asked": ("gsm8k/test.jsonl.gz", json_when_asked),
    "persona-by-system": ("wild/v1_sft_demo.jsonl.gz", persona_by_system),
    "crisis-lines": ("wild/kto_en_demo.json.gz", crisis_lines),
}
"""Where each pattern goes, below the data folder, and what makes it."""
