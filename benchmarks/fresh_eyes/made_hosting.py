"""The chats of a web host's customers with its assistant."""

from fresh_eyes.made_chats import Domain, topics
from fresh_eyes.made_travel import GUESTS

_TOPICS = """
# dns
? how do I point {site} to your servers?
? which name servers do I enter for {site}?
! Enter ns1 and ns2.quillhost.example at your registrar.
! Open 'Domains', choose {site} and copy the two name servers.
! An A record for {site} is enough; its address is in the panel.
? I changed the records of {site} and nothing happens.
? {site} still shows the old page after the change.
! Changes take up to {hours} hours to arrive everywhere.
! Your browser may keep the old one; try a private window.
! The record has a typo, a dot is missing at its end.
? can I move {site} to another registrar?
? how do I get the transfer code of {site}?
! Unlock it under 'Domains' and ask for the code there.
! The code is mailed to the owner of {site}.
! Yes, unless it was registered less than 60 days ago.
+ A lower TTL makes changes arrive sooner.
+ The old page stays online meanwhile.
+ Records can be exported as a file.
# mail
? mails from {site} end up in spam.
? my customers don't get the mails of {site}.
! Switch on SPF and DKIM under 'Mail', which helps at once.
! The sender has to match {site}, or it is taken for spam.
! I see a forward that breaks it; send directly instead.
? how do I set up a mailbox of {site} on my phone?
? which mail server do I enter for {site}?
! It's imap.quillhost.example with port 993.
! Scan the code under 'Mailboxes' with your phone.
! The user name is the full address, the rest is found by itself.
? my mailbox is full.
? I can't receive mail because there's no room left.
! Empty the bin first, it counts, too.
! You can add {size} GB for one euro a month.
! Old mails can be moved into the archive.
+ Up to 100 mailboxes are included.
+ Mail is kept for 30 days after it's deleted.
+ Catch-all addresses attract spam.
# backup
? can I get yesterday's version of {site} back?
? I deleted the {app} folder of {site} by mistake.
! Open 'Backups', choose the day and press 'Restore'.
! We keep {hours} days, and a single folder can be restored, too.
! I've started the restore, it takes about {hours} minutes.
? how often do you back up {site}?
? are the data of my {app} backed up?
! Every night, files and databases.
! Daily, and once more before each update of {app}.
! Yes, in a second data centre.
+ You can download a copy at any time.
+ Restoring doesn't touch your mails.
+ Try a restore now and then, so that you know it works.
# security
? my {app} was hacked.
? there's strange code in the files of {site}.
! Change all passwords, restore a clean copy and update {app}.
! I've taken it offline, so that visitors are safe.
! It came in through an old plugin, which you should remove.
? how do I get HTTPS for {site}?
? the certificate of {site} has expired.
! It's renewed by itself once {site} points to us.
! Tick 'HTTPS' under 'Domains', it's free.
! I've issued a new one; reload in {hours} minutes.
? how do I make the login of {app} safer?
? somebody tries passwords on my {app}.
! Switch on the second factor, and use a long password.
! Limit the tries, there's a plugin for it.
! Block the address in the panel, and hide the login page.
+ Updates should run by themselves.
+ Use a password manager.
+ Each person should have a login of their own.
# speed
? {site} is slow since yesterday.
? pages of my {app} need {hours} seconds.
! Switch on the cache under 'Performance'.
! One query takes most of the time; an index would help.
! The pictures are large: half their size would do.
? how many visitors can {site} take?
? is my plan enough for {hours},000 visitors a day?
! With the cache, easily.
! For {app} I'd take the next larger plan.
! It depends on how much is dynamic.
+ PHP 8 is a good deal faster.
+ You see the load of each day in the panel.
+ A plan can be changed at any time.
# bill
? why is this invoice {size} euros higher?
? I don't understand the bill for {site}.
! A domain was renewed, which happens once a year.
! The extra space of {size} GB is on it since March.
! The first year was cheaper, as in the offer.
? how do I cancel the plan of {site}?
? can I downgrade at the end of the month?
! Under 'Contract', with a month's notice.
! You can downgrade whenever you like; the rest is credited.
! Please export your data first.
+ Invoices are in the panel as PDF.
+ You can pay by card or by transfer.
+ Yearly payment saves a tenth.
"""
HOSTING = Domain(
    systems=(
        "You are Quill, the support assistant of Quillhost.",
        "Support chat of Quillhost, a web host. Be precise and friendly.",
        "You help customers with domains, mail and websites.",
    ),
    topics=topics(_TOPICS),
    context=(
        "I use {app}.",
        "It worked last week.",
        "The site is for my {business}.",
        "I've tried two browsers.",
        "I have the {plan} plan.",
        "I'm not very technical.",
        "My nephew set it up.",
        "I've been a customer for {hours} years.",
    ),
    opens=(
        *("", "", "", "Hello {name},", "Sure.", "Let's have a look.", "Thanks for the details."),
        *("I've checked {site}.", "Hi {name}, Quill here.", "Good that you ask."),
    ),
    closes=(
        "Does that help?",
        "Just write again if it doesn't work.",
        "Good luck with your {business}!",
        "There's a guide in our help pages, too.",
    ),
    fields={
        "name": GUESTS,
        "site": (
            "olddock.example",
            "feldmann-bikes.example",
            "choir-north.example",
            "tiles.example",
        ),
        "app": ("WordPress", "Nextcloud", "Joomla", "phpBB", "Shopware", "MediaWiki"),
        "hours": tuple(map(str, range(2, 13))),
        "size": ("5", "10", "20", "25", "50"),
        "plan": ("Start", "Plus", "Pro"),
        "business": ("bakery", "choir", "bike shop", "guest house", "yoga studio", "club"),
    },
)
