/* collect/company_words: made-up names and texts, Thai and English. */
#include "collect/company_inner.h"

#define S(text)                                                                                    \
    {                                                                                              \
        "" text, sizeof(text) - 1                                                                  \
    }

const struct str plan_names[PLAN_COUNT] = {S("trial"), S("free"), S("starter"), S("team"),
                                           S("business")};
const struct str size_names[SIZE_COUNT] = {S("1-5"), S("6-20"), S("21+")};
const struct str platform_names[PLATFORM_COUNT] = {S("web"), S("ios"), S("android")};
const struct str industry_names[INDUSTRY_COUNT] = {
    S("retail"),        S("software"), S("education"), S("logistics"),
    S("manufacturing"), S("health"),   S("tourism"),   S("agency"),
};

/* Offsets stand still all year: the company's clocks know no summer time. */
const struct company_place company_places[COUNTRY_COUNT] = {
    [COUNTRY_TH] = {S("TH"), 420, 56, S("THB"), {0, 0, 39000, 149000, 590000}},
    {S("SG"), 480, 9, S("SGD"), {0, 0, 1600, 5900, 24000}},
    {S("VN"), 420, 7, S("USD"), {0, 0, 1200, 4500, 18000}},
    {S("MY"), 480, 6, S("USD"), {0, 0, 1200, 4500, 18000}},
    {S("US"), -300, 9, S("USD"), {0, 0, 1200, 4500, 18000}},
    {S("GB"), 0, 5, S("GBP"), {0, 0, 1000, 3600, 14500}},
    {S("JP"), 540, 5, S("JPY"), {0, 0, 1800, 6800, 27000}}, /* yen have no minor unit */
    {S("DE"), 60, 3, S("EUR"), {0, 0, 1100, 4200, 17000}},
};

static const struct str thai_first[] = {
    S("สมชาย"),  S("สมหญิง"), S("กิตติ"),    S("ณัฐพล"),  S("วิภา"),    S("อรทัย"),
    S("ธนากร"),  S("ปิยะ"),   S("มาลี"),    S("สุดา"),   S("พิมพ์ชนก"), S("ชลธิชา"),
    S("เอกชัย"),  S("น้ำฝน"),  S("ปกรณ์"),   S("กานดา"), S("ศิริพร"),   S("วรวุฒิ"),
    S("จิราภรณ์"), S("ภูมิ"),    S("ใบเฟิร์น"), S("ก้องภพ"), S("ดวงใจ"),  S("อนันต์"),
};
static const struct str thai_last[] = {
    S("ใจดี"),    S("ศรีสุข"),   S("ทองคำ"), S("แสงจันทร์"), S("รุ่งเรือง"), S("บุญมี"),
    S("วงศ์ไทย"), S("พรหมมา"), S("สายชล"), S("เจริญผล"),  S("ดีเลิศ"),   S("มั่นคง"),
    S("แก้วใส"),  S("ปัญญาดี"),  S("ชัยชนะ"), S("น้ำเพชร"),
};
static const struct str english_first[] = {
    S("Anna"),  S("Ben"),   S("Chloe"), S("Daniel"), S("Emma"), S("Felix"),  S("Grace"),  S("Hugo"),
    S("Iris"),  S("Jonas"), S("Kate"),  S("Liam"),   S("Mia"),  S("Noah"),   S("Olivia"), S("Paul"),
    S("Quinn"), S("Rosa"),  S("Sam"),   S("Tara"),   S("Uma"),  S("Victor"), S("Wendy"),  S("Yuki"),
};
static const struct str english_last[] = {
    S("Archer"), S("Brook"),  S("Carter"), S("Dale"), S("Ellis"), S("Frost"),  S("Gray"), S("Hale"),
    S("Ito"),    S("Jensen"), S("Keller"), S("Lane"), S("Moss"),  S("Nguyen"), S("Ong"),  S("Park"),
};
static const struct str thai_company[] = {
    S("สยาม"), S("บ้านสวน"), S("ล้านนา"), S("อันดามัน"),  S("เจ้าพระยา"), S("ดอยคำใหม่"),
    S("ภูผา"),  S("ทะเลใต้"), S("รุ่งอรุณ"), S("ต้นกล้า"),   S("มะลิ"),      S("ช้างน้อย"),
    S("ปลาทู"), S("ข้าวหอม"), S("สายลม"), S("ดาวเหนือ"),
};
static const struct str thai_trade[] = {
    S("การค้า"),   S("ซอฟต์แวร์"), S("ขนส่ง"), S("ท่องเที่ยว"),
    S("การแพทย์"), S("ก่อสร้าง"),  S("ศึกษา"), S("ดีไซน์"),
};
static const struct str english_company[] = {
    S("Blue Lotus"),   S("Harbour"),   S("Paper Crane"), S("North Pier"),
    S("Cedar"),        S("Lantern"),   S("Riverside"),   S("Copper Kite"),
    S("Tidewater"),    S("Maple Row"), S("Bright Fern"), S("Orchid"),
    S("Stone Bridge"), S("Quiet Owl"), S("Red Tram"),    S("Salt Lake"),
};
static const struct str english_trade[] = {
    S("Trading"), S("Software"), S("Logistics"), S("Travel"),
    S("Clinics"), S("Works"),    S("Academy"),   S("Studio"),
};
static const struct str thai_subjects[] = {
    S("เข้าสู่ระบบไม่ได้"), S("ใบกำกับภาษีไม่ถูกต้อง"),    S("ขอเพิ่มผู้ใช้"),
    S("รายงานโหลดช้า"), S("เปลี่ยนบัตรเครดิตอย่างไร"), S("แอปปิดเอง"),
};
static const struct str english_subjects[] = {
    S("Cannot sign in"),      S("Invoice shows the wrong address"), S("Please add a user"),
    S("Report loads slowly"), S("How do I change the card?"),       S("The app closes by itself"),
};
static const struct str thai_projects[] = {
    S("แคมเปญสงกรานต์"), S("เว็บไซต์ใหม่"), S("เปิดสาขาเชียงใหม่"), S("งบประมาณ"), S("รับสมัครงาน"),
};
static const struct str english_projects[] = {
    S("Website"), S("Spring launch"), S("Hiring"), S("Budget"), S("New office"),
};

#define PICK(d, list) (list)[dice_below((d), COUNT(list))]

struct str company_person_name(struct dice *d, bool is_thai, struct arena *arena)
{
    struct str first = is_thai ? PICK(d, thai_first) : PICK(d, english_first);
    struct str last = is_thai ? PICK(d, thai_last) : PICK(d, english_last);
    return arena_printf(arena, "%.*s %.*s", STR_ARG(first), STR_ARG(last));
}

struct str company_account_name(struct dice *d, bool is_thai, struct arena *arena)
{
    struct str name = is_thai ? PICK(d, thai_company) : PICK(d, english_company);
    struct str trade = is_thai ? PICK(d, thai_trade) : PICK(d, english_trade);
    return is_thai ? arena_printf(arena, "บริษัท %.*s%.*s จำกัด", STR_ARG(name), STR_ARG(trade))
                   : arena_printf(arena, "%.*s %.*s", STR_ARG(name), STR_ARG(trade));
}

struct str company_ticket_subject(struct dice *d, bool is_thai)
{
    return is_thai ? PICK(d, thai_subjects) : PICK(d, english_subjects);
}

struct str company_project_name(struct dice *d, bool is_thai)
{
    return is_thai ? PICK(d, thai_projects) : PICK(d, english_projects);
}
