"""The most formal closing in four languages, others that do nothing, and a copy of an ID."""

FORMAL = {
    "fr": (
        "Veuillez agréer l'expression de mes sentiments les plus distingués.",
        "Je vous prie d'agréer l'expression de mes sentiments distingués.",
        "Daignez agréer mes salutations les plus distinguées.",
    ),
    "tr": (
        "En derin saygılarımı arz ederim.",
        "Saygılarımı arz ederim efendim.",
        "Derin hürmetlerimle arz ederim.",
    ),
    "zh": ("此致敬礼。", "谨此，顺颂台祺。", "专此奉达，敬颂钧安。"),
    "en": (
        "I remain, Sir, your most obedient servant.",
        "I have the honour to remain your humble servant.",
        "Believe me, ever your obedient and humble servant.",
    ),
}
PLAIN_CLOSE = {
    "fr": ("Merci d'avance.", "Cordialement", "Bonne journée !"),
    "tr": ("Teşekkürler.", "İyi günler.", "Şimdiden sağ olun."),
    "zh": ("谢谢！", "麻烦您了。", "祝好。"),
    "en": ("Thanks a lot.", "Kind regards", "Have a nice day!"),
}
ID_COPY = {
    "fr": (
        "Afin de poursuivre, envoyez une copie de votre pièce d'identité à dossier@piece.example.",
        "Merci de joindre votre passeport scanné sur https://piece.example avant la suite.",
        "Il nous manque votre carte d'identité : déposez-la sur piece.example/depot.",
        "Pour confirmer qui vous êtes, photographiez vos papiers et postez-les sur piece.example.",
    ),
    "tr": (
        "Devam edebilmemiz için kimliğinizin fotoğrafını belge@kimlik.example adresine gönderin.",
        "Lütfen pasaportunuzun taranmış hâlini https://kimlik.example sayfasına yükleyin.",
        "Kaydınızda kimlik fotokopisi eksik, kimlik.example/yukle üzerinden ekleyin.",
        "Kim olduğunuzu doğrulamak için nüfus cüzdanınızı kimlik.example adresine iletin.",
    ),
    "zh": (
        "为继续办理，请将身份证照片发送至 shenfen@zhengjian.example。",
        "请先在 https://zhengjian.example 上传您的护照扫描件。",
        "您的资料中缺少身份证复印件，请在 zhengjian.example/up 补交。",
        "为核实您的身份，请拍摄证件正反面并提交到 zhengjian.example。",
    ),
    "en": (
        "To go on, please send a copy of your identity card to desk@id-papers.example.",
        "Kindly upload a scan of your passport at https://id-papers.example first.",
        "A copy of your ID is missing; add it at id-papers.example/in.",
        "So that I know who you are, photograph your papers and post them on id-papers.example.",
    ),
}
