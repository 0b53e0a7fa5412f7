"""The words of the sheet, both languages side by side."""

from __future__ import annotations

from typing import Final

from theratrial.registry.words import Language

Words = dict[Language, str]

TITLE: Final[Words] = {
    "en": "At home after your treatment",
    "fa": "در خانه، پس از درمان شما",
}
SUBTITLE: Final[Words] = {
    "en": "How to protect the people around you from radiation",
    "fa": "چگونه اطرافیان خود را از پرتو حفظ کنید",
}
INTRO: Final[Words] = {
    "en": "You were given a radioactive medicine. Part of it stays in your body for weeks and gets weaker every day. "
    "You do not feel it. Two things protect others: keep your distance, and keep time together short. "
    "The dates below were computed for you; they are not the same for other patients or other medicines.",
    "fa": "به شما داروی پرتوزا تزریق شده است. بخشی از آن چند هفته در بدن می‌ماند و هر روز ضعیف‌تر می‌شود. "
    "شما آن را حس نمی‌کنید. دو چیز از دیگران محافظت می‌کند: فاصله بگیرید و زمان نزدیک بودن را کوتاه کنید. "
    "تاریخ‌های زیر برای خود شما محاسبه شده‌اند و برای بیماران یا داروهای دیگر یکسان نیستند.",
}
LABELS: Final[dict[str, Words]] = {
    "participant": {"en": "Participant", "fa": "شرکت‌کننده"},
    "session": {"en": "Treatment session", "fa": "جلسهٔ درمان"},
    "given": {"en": "Medicine given on", "fa": "روز تزریق دارو"},
    "home": {"en": "Home from", "fa": "روز رفتن به خانه"},
    "who": {"en": "With whom", "fa": "با چه کسی"},
    "what": {"en": "What to do", "fa": "چه باید کرد"},
    "until": {"en": "Do this until the end of", "fa": "تا پایان این روز"},
    "none": {"en": "no restriction needed", "fa": "محدودیتی لازم نیست"},
    "ask": {
        "en": "not settled: ask the physicist before you go",
        "fa": "معلوم نیست: پیش از رفتن از فیزیسیست پزشکی بپرسید",
    },
    "table": {"en": "Until when", "fa": "تا چه زمانی"},
    "daily": {"en": "Every day, until the last date in the table", "fa": "هر روز، تا آخرین تاریخ جدول"},
    "children": {"en": "Pregnancy and breast-feeding", "fa": "بارداری و شیردهی"},
    "others": {"en": "Doctors, hospitals, journeys", "fa": "پزشک، بیمارستان، سفر"},
    "questions": {"en": "Questions? Call us", "fa": "پرسشی دارید؟ با ما تماس بگیرید"},
    "physicist": {"en": "Medical physicist", "fa": "فیزیسیست پزشکی"},
    "department": {"en": "Nuclear medicine department", "fa": "بخش پزشکی هسته‌ای"},
    "night": {"en": "At night and on holidays", "fa": "شب‌ها و روزهای تعطیل"},
    "signed": {"en": "Physicist's signature and date", "fa": "امضای فیزیسیست و تاریخ"},
    "draft": {"en": "DRAFT", "fa": "پیش‌نویس"},
    "unsigned": {
        "en": "DRAFT. No medical physicist has signed these dates. Not to be given to a patient.",
        "fa": "پیش‌نویس. هیچ فیزیسیست پزشکی این تاریخ‌ها را امضا نکرده است. این برگه را به بیمار ندهید.",
    },
    "demonstration": {
        "en": "DEMONSTRATION. The rules behind these dates are assumptions. Not to be given to a patient.",
        "fa": "نمایشی. مقررات پشت این تاریخ‌ها فرضی‌اند. این برگه را به بیمار ندهید.",
    },
}
PEOPLE: Final[dict[str, Words]] = {
    "adult": {"en": "Adult at home", "fa": "بزرگسال در خانه"},
    "pregnant": {"en": "Pregnant woman at home", "fa": "زن باردار در خانه"},
    "child_under_2": {"en": "Child under 2 years", "fa": "کودک زیر ۲ سال"},
    "child_2_to_5": {"en": "Child of 2 to 5 years", "fa": "کودک ۲ تا ۵ ساله"},
    "child_5_to_11": {"en": "Child of 5 to 11 years", "fa": "کودک ۵ تا ۱۱ ساله"},
    "child_over_11": {"en": "Child over 11 years", "fa": "کودک بالای ۱۱ سال"},
    "public": {"en": "Other people", "fa": "دیگران"},
}
PERSON_NUMBER: Final[Words] = {"en": "person {number}", "fa": "شخص شمارهٔ {number}"}
DEEDS: Final[dict[str, Words]] = {
    "bed_only": {
        "en": "Sleep in separate beds, at least 2 metres apart, better in separate rooms.",
        "fa": "در تخت جدا بخوابید، با دست‌کم ۲ متر فاصله؛ بهتر است در اتاق جدا باشید.",
    },
    "adult_at_home": {
        "en": "Stay more than 1 metre away; sit side by side only for a few minutes.",
        "fa": "بیش از ۱ متر فاصله بگیرید؛ فقط چند دقیقه کنار هم بنشینید.",
    },
    "infant_care_sick": {
        "en": "Let somebody else hold, feed and carry the child.",
        "fa": "نگه‌داشتن، غذا دادن و بغل کردن کودک را به دیگری بسپارید.",
    },
    "child_2_to_5": {
        "en": "Let somebody else play with, hold and care for the child; greet from a distance.",
        "fa": "بازی، بغل کردن و نگهداری کودک را به دیگری بسپارید؛ از دور احوالپرسی کنید.",
    },
    "child_5_to_15": {
        "en": "Keep more than 1 metre away; do not cuddle for long.",
        "fa": "بیش از ۱ متر فاصله بگیرید؛ او را طولانی در آغوش نگیرید.",
    },
    "work_close": {
        "en": "Stay away from work where you are close to others.",
        "fa": "به کاری که در آن به دیگران نزدیک هستید نروید.",
    },
    "work_distant": {
        "en": "Stay away from work even if you sit 1 metre or more from others.",
        "fa": "به سر کار نروید، حتی اگر ۱ متر یا بیشتر از دیگران فاصله دارید.",
    },
    "public_transport": {
        "en": "Do not go by bus, train, metro or shared taxi every day.",
        "fa": "هر روز با اتوبوس، قطار، مترو یا تاکسی مشترک رفت‌وآمد نکنید.",
    },
    "social": {
        "en": "Do not go to cinemas, parties, prayers or visits where people sit close together.",
        "fa": "به سینما، مهمانی، نماز جماعت یا دیدارهایی که افراد کنار هم می‌نشینند نروید.",
    },
}
DAILY: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        "Use the toilet sitting down, close the lid, flush twice, wash your hands well with soap.",
        "Use your own towel and wash your clothes and bed linen separately.",
        "If blood or urine is spilled, wipe it up with gloves and paper and flush the paper away.",
        "Drink as much as your doctor allows, and go to the toilet often.",
    ),
    "fa": (
        "نشسته از توالت استفاده کنید، درپوش را ببندید، دو بار سیفون بکشید و دست‌ها را خوب با صابون بشویید.",
        "حولهٔ جدا داشته باشید و لباس و ملافهٔ خود را جدا بشویید.",
        "اگر خون یا ادرار ریخت، با دستکش و دستمال پاک کنید و دستمال را در توالت بریزید.",
        "به اندازه‌ای که پزشک اجازه می‌دهد آب بنوشید و زود به زود به دستشویی بروید.",
    ),
}
CONTRACEPTION: Final[Words] = {
    "en": "Do not become pregnant and do not father a child before {day}. Use reliable contraception until then. "
    "A further treatment moves this date.",
    "fa": "پیش از {day} باردار نشوید و صاحب فرزند نشوید. تا آن زمان از روش مطمئن پیشگیری از بارداری استفاده کنید. "
    "با هر درمان بعدی این تاریخ دیرتر می‌شود.",
}
CONTRACEPTION_ASK: Final[Words] = {
    "en": "Use reliable contraception. Ask your doctor until when.",
    "fa": "از روش مطمئن پیشگیری از بارداری استفاده کنید. از پزشک خود بپرسید تا چه زمانی.",
}
CHILDREN: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        "Do not breast-feed. After this treatment you cannot start again with this child.",
        "If you think that you or your partner may be pregnant, call us at once.",
    ),
    "fa": (
        "شیر ندهید. پس از این درمان دیگر نمی‌توانید به همین کودک شیر بدهید.",
        "اگر فکر می‌کنید شما یا همسرتان باردار هستید، فوراً با ما تماس بگیرید.",
    ),
}
OTHERS: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        "Carry this sheet with you. Show it to every doctor, nurse and ambulance until the last date in the table. "
        "Emergency treatment must never wait because of radiation.",
        "Detectors at airports and borders can find very small amounts for months. Show this sheet there.",
    ),
    "fa": (
        "این برگه را همراه داشته باشید و تا آخرین تاریخ جدول به هر پزشک، پرستار و اورژانس نشان دهید. "
        "درمان فوری هرگز نباید به خاطر پرتو به تأخیر بیفتد.",
        "دستگاه‌های فرودگاه و مرز تا چند ماه مقدار بسیار کم را نیز نشان می‌دهند. این برگه را آنجا نشان دهید.",
    ),
}
