"""
Quietline: every route of both faces, at a glance.

`QUIETLINE_FACES` decides which routes exist. Bodies are one statement: the work is in `chalicelib`.
"""

from collections.abc import Callable

from chalice.app import Chalice, CloudWatchEvent, CORSConfig, Cron, Rate, Request, Response, SQSEvent

from chalicelib.http.cors import AnySite
from chalicelib.wiring import House

app = Chalice(app_name="quietline", configure_logs=False)
app.api.binary_types = []
house = House.from_environment()
app.register_middleware(house.problems.middleware, "http")

ANY_SITE = AnySite(allow_headers=["Accept-Language", "Idempotency-Key"], expose_headers=["ETag"], max_age=600)


Handler = Callable[..., Response]


def face(name: str) -> Callable[..., Callable[[Handler], Handler]]:
    """Give `app.route` for one face; routes of a face that is not served do not exist."""

    def route(path: str, *, method: str = "GET", cors: CORSConfig | None = None) -> Callable[[Handler], Handler]:
        def bind(handler: Handler) -> Handler:
            if name in house.settings.faces:
                guarded = house.problems.boundary(handler, lambda: app.current_request)
                app.route(path, methods=[method], content_types=["*/*"], cors=cors)(guarded)
            return handler

        return bind

    return route


public, desk = face("public"), face("desk")


def on_desk(register: Callable[..., Callable[..., object]]) -> Callable[..., Callable[..., object]]:
    """Register what no person asks for (a queue, a schedule) with the desk face only, which has the rights to do it."""
    wanted = "desk" in house.settings.faces
    return lambda handler: register(house.problems.round(handler)) if wanted else handler


# ---------------------------------------------------------------- public face: who we are and when we answer


@public("/v1/statement", cors=ANY_SITE)
def statement(http_request: Request) -> Response:
    return house.public.statement(http_request)


@public("/v1/helpline", cors=ANY_SITE)
def helpline(http_request: Request) -> Response:
    return house.public.about(http_request)


@public("/v1/slots", cors=ANY_SITE)
def slots(http_request: Request) -> Response:
    return house.public.slots(http_request)


@public("/v1/keys", cors=ANY_SITE)
def keys(http_request: Request) -> Response:
    return house.public.keys(http_request)


# ---------------------------------------------------------------- public face: asking for help


@public("/v1/challenge", cors=ANY_SITE)
def challenge(http_request: Request) -> Response:
    return house.public.challenge(http_request)


@public("/v1/callbacks", method="POST", cors=ANY_SITE)
def submit_callback(http_request: Request) -> Response:
    return house.public.submit_callback(http_request)


@public("/v1/information-requests", method="POST", cors=ANY_SITE)
def submit_information_request(http_request: Request) -> Response:
    return house.public.submit_information(http_request)


# ---------------------------------------------------------------- public face: the mailbox (no CORS, by design)


@public("/v1/mailbox")
def read_mailbox(http_request: Request) -> Response:
    return house.mailbox.read(http_request)


@public("/v1/mailbox", method="DELETE")
def withdraw(http_request: Request) -> Response:
    return house.mailbox.withdraw(http_request)


@public("/v1/mailbox/messages", method="POST")
def write_message(http_request: Request) -> Response:
    return house.mailbox.write(http_request)


@public("/v1/mailbox/slot", method="PUT")
def choose_slot(http_request: Request) -> Response:
    return house.mailbox.choose(http_request)


# ---------------------------------------------------------------- public face: what a partner sends by key (no CORS)


@public("/v1/consent", cors=ANY_SITE)
def consent(http_request: Request) -> Response:
    return house.referrals.consent(http_request)


@public("/v1/referrals", method="POST")
def refer(http_request: Request) -> Response:
    return house.referrals.submit(http_request)


@public("/v1/referrals/{referral_id}")
def referral_status(http_request: Request, referral_id: str) -> Response:
    return house.referrals.status(http_request, referral_id)


# ---------------------------------------------------------------- public face: where to get help


@public("/v1/signposts", cors=ANY_SITE)
def list_signposts(http_request: Request) -> Response:
    return house.signposts.list(http_request)


@public("/v1/signposts/{signpost_id}", cors=ANY_SITE)
def get_signpost(http_request: Request, signpost_id: str) -> Response:
    return house.signposts.get(http_request, signpost_id)


@public("/v1/signposts/search", method="POST", cors=ANY_SITE)
def search_signposts(http_request: Request) -> Response:
    return house.signposts.search(http_request)


@public("/widget/{name}", cors=ANY_SITE)
def widget(http_request: Request, name: str) -> Response:
    return house.widget.script(http_request, name)


# ---------------------------------------------------------------- public face: campaigns


@public("/v1/campaigns", cors=ANY_SITE)
def list_campaigns(http_request: Request) -> Response:
    return house.campaigns.list(http_request)


@public("/v1/campaigns/{slug}", cors=ANY_SITE)
def get_campaign(http_request: Request, slug: str) -> Response:
    return house.campaigns.get(http_request, slug)


@public("/v1/campaigns/{slug}/pack", cors=ANY_SITE)
def get_pack(http_request: Request, slug: str) -> Response:
    return house.packs.show(http_request, slug)


@public("/v1/campaigns/{slug}/pack/{name}", cors=ANY_SITE)
def get_pack_file(http_request: Request, slug: str, name: str) -> Response:
    return house.packs.file(http_request, slug, name)


# ---------------------------------------------------------------- public face: the directory, as Open Referral UK 3.0


@public("/oruk", cors=ANY_SITE)
def oruk(http_request: Request) -> Response:
    return house.oruk.about(http_request)


@public("/oruk/services", cors=ANY_SITE)
def oruk_services(http_request: Request) -> Response:
    return house.oruk.services(http_request)


@public("/oruk/services/{record_id}", cors=ANY_SITE)
def oruk_service(http_request: Request, record_id: str) -> Response:
    return house.oruk.service(http_request, record_id)


@public("/oruk/service_at_locations", cors=ANY_SITE)
def oruk_service_at_locations(http_request: Request) -> Response:
    return house.oruk.service_at_locations(http_request)


@public("/oruk/service_at_locations/{record_id}", cors=ANY_SITE)
def oruk_service_at_location(http_request: Request, record_id: str) -> Response:
    return house.oruk.service_at_location(http_request, record_id)


@public("/oruk/organizations", cors=ANY_SITE)
def oruk_organizations(http_request: Request) -> Response:
    return house.oruk.organizations(http_request)


@public("/oruk/organizations/{record_id}", cors=ANY_SITE)
def oruk_organization(http_request: Request, record_id: str) -> Response:
    return house.oruk.organization(http_request, record_id)


@public("/oruk/taxonomies", cors=ANY_SITE)
def oruk_taxonomies(http_request: Request) -> Response:
    return house.oruk.taxonomies(http_request)


@public("/oruk/taxonomies/{record_id}", cors=ANY_SITE)
def oruk_taxonomy(http_request: Request, record_id: str) -> Response:
    return house.oruk.taxonomy(http_request, record_id)


@public("/oruk/taxonomy_terms", cors=ANY_SITE)
def oruk_taxonomy_terms(http_request: Request) -> Response:
    return house.oruk.taxonomy_terms(http_request)


@public("/oruk/taxonomy_terms/{record_id}", cors=ANY_SITE)
def oruk_taxonomy_term(http_request: Request, record_id: str) -> Response:
    return house.oruk.taxonomy_term(http_request, record_id)


# ---------------------------------------------------------------- public face: how many asked for help


@public("/v1/reach", cors=ANY_SITE)
def reach(http_request: Request) -> Response:
    return house.reach.report(http_request)


@public("/v1/reach.csv", cors=ANY_SITE)
def reach_table(http_request: Request) -> Response:
    return house.reach.table(http_request)


@public("/v1/reach/visits", method="POST", cors=ANY_SITE)
def count_visit(http_request: Request) -> Response:
    return house.reach.visit(http_request)


@public("/reach")
def reach_page(http_request: Request) -> Response:
    return house.reach.page(http_request)


# ---------------------------------------------------------------- public face: live questions and answers


@public("/v1/sessions", cors=ANY_SITE)
def list_sessions(http_request: Request) -> Response:
    return house.sessions.list(http_request)


@public("/v1/sessions/{session_id}", cors=ANY_SITE)
def get_session(http_request: Request, session_id: str) -> Response:
    return house.sessions.get(http_request, session_id)


@public("/v1/sessions/{session_id}/answers", cors=ANY_SITE)
def session_answers(http_request: Request, session_id: str) -> Response:
    return house.sessions.answers(http_request, session_id)


@public("/v1/sessions/{session_id}/questions", method="POST", cors=ANY_SITE)
def ask_question(http_request: Request, session_id: str) -> Response:
    return house.sessions.ask(http_request, session_id)


@public("/sessions")
def sessions_page(http_request: Request) -> Response:
    return house.sessions.list_page(http_request)


@public("/sessions/{session_id}")
def session_page(http_request: Request, session_id: str) -> Response:
    return house.sessions.page(http_request, session_id)


@public("/sessions/{session_id}/ask")
def question_page(http_request: Request, session_id: str) -> Response:
    return house.sessions.form(http_request, session_id)


# ---------------------------------------------------------------- public face: pages


@public("/")
def landing_page(http_request: Request) -> Response:
    return house.public.landing(http_request)


@public("/help/{audience}")
def help_page(http_request: Request, audience: str) -> Response:
    return house.help_pages.show(http_request, audience)


@public("/campaigns/{slug}")
def campaign_page(http_request: Request, slug: str) -> Response:
    return house.campaign_pages.show(http_request, slug)


@public("/c/{code}")
def campaign_page_by_code(http_request: Request, code: str) -> Response:
    return house.campaign_pages.by_code(http_request, code)


@public("/sitemap.xml")
def sitemap(http_request: Request) -> Response:
    return house.help_pages.sitemap(http_request)


@public("/robots.txt")
def robots(http_request: Request) -> Response:
    return house.help_pages.robots(http_request)


@public("/request")
def request_page(http_request: Request) -> Response:
    return house.public.request_form(http_request)


@public("/request", method="POST")
def send_request_page(http_request: Request) -> Response:
    return house.public.send_request_form(http_request)


@public("/privacy")
def privacy_page(http_request: Request) -> Response:
    return house.public.privacy(http_request)


@public("/assets/{name}")
def asset(http_request: Request, name: str) -> Response:
    return house.public.asset(http_request, name)


@public("/docs")
def docs_page(http_request: Request) -> Response:
    return house.reference.index(http_request)


@public("/docs/{topic}")
def docs_topic_page(http_request: Request, topic: str) -> Response:
    return house.reference.topic(http_request, topic)


@public("/mailbox")
def mailbox_page(http_request: Request) -> Response:
    return house.mailbox.door(http_request)


@public("/mailbox", method="POST")
def use_mailbox_page(http_request: Request) -> Response:
    return house.mailbox.post(http_request)


# ---------------------------------------------------------------- desk face


@desk("/v1/desk/queue")
def queue(http_request: Request) -> Response:
    return house.desk.queue(http_request)


@desk("/v1/desk/claims")
def list_claims(http_request: Request) -> Response:
    return house.desk.claims(http_request)


@desk("/v1/desk/claims", method="POST")
def claim(http_request: Request) -> Response:
    return house.desk.claim(http_request)


@desk("/v1/desk/claims/{request_id}/renew", method="POST")
def renew(http_request: Request, request_id: str) -> Response:
    return house.desk.renew(http_request, request_id)


@desk("/v1/desk/claims/{request_id}/release", method="POST")
def release(http_request: Request, request_id: str) -> Response:
    return house.desk.release(http_request, request_id)


@desk("/v1/desk/claims/{request_id}/attempts", method="POST")
def attempt(http_request: Request, request_id: str) -> Response:
    return house.desk.attempt(http_request, request_id)


@desk("/v1/desk/claims/{request_id}/replies", method="POST")
def reply(http_request: Request, request_id: str) -> Response:
    return house.desk.reply(http_request, request_id)


@desk("/v1/desk/claims/{request_id}/notes", method="POST")
def note(http_request: Request, request_id: str) -> Response:
    return house.desk.note(http_request, request_id)


@desk("/v1/desk/claims/{request_id}/close", method="POST")
def close(http_request: Request, request_id: str) -> Response:
    return house.desk.close(http_request, request_id)


@desk("/v1/desk/parked")
def list_parked(http_request: Request) -> Response:
    return house.desk.aside(http_request)


@desk("/v1/desk/parked/{request_id}/release", method="POST")
def unpark(http_request: Request, request_id: str) -> Response:
    return house.desk.unpark(http_request, request_id)


@desk("/v1/desk/claims/{request_id}/force-release", method="POST")
def expel(http_request: Request, request_id: str) -> Response:
    return house.desk.expel(http_request, request_id)


@desk("/v1/desk/closures", method="PUT")
def close_line(http_request: Request) -> Response:
    return house.desk.close_line(http_request)


@desk("/v1/desk/partners", method="POST")
def issue_partner_key(http_request: Request) -> Response:
    return house.partner_keys_desk.issue(http_request)


@desk("/v1/desk/partners")
def list_partner_keys(http_request: Request) -> Response:
    return house.partner_keys_desk.list(http_request)


@desk("/v1/desk/partners/{key_id}", method="DELETE")
def revoke_partner_key(http_request: Request, key_id: str) -> Response:
    return house.partner_keys_desk.revoke(http_request, key_id)


@desk("/v1/desk/figures")
def desk_figures(http_request: Request) -> Response:
    return house.figures.tell(http_request)


@desk("/v1/desk/sessions")
def hosted_sessions(http_request: Request) -> Response:
    return house.host_desk.sessions(http_request)


@desk("/v1/desk/sessions/{session_id}/answers")
def hosted_answers(http_request: Request, session_id: str) -> Response:
    return house.host_desk.answers(http_request, session_id)


@desk("/v1/desk/sessions/{session_id}/claims", method="POST")
def next_question(http_request: Request, session_id: str) -> Response:
    return house.host_desk.next(http_request, session_id)


@desk("/v1/desk/sessions/{session_id}/questions/{request_id}/answer", method="POST")
def answer_question(http_request: Request, session_id: str, request_id: str) -> Response:
    return house.host_desk.answer(http_request, session_id, request_id)


@desk("/v1/desk/sessions/{session_id}/questions/{request_id}/answer-privately", method="POST")
def answer_question_privately(http_request: Request, session_id: str, request_id: str) -> Response:
    return house.host_desk.answer_privately(http_request, session_id, request_id)


@desk("/v1/desk/sessions/{session_id}/questions/{request_id}/decline", method="POST")
def decline_question(http_request: Request, session_id: str, request_id: str) -> Response:
    return house.host_desk.decline(http_request, session_id, request_id)


@desk("/v1/desk/sessions/{session_id}/questions/{request_id}/release", method="POST")
def put_question_back(http_request: Request, session_id: str, request_id: str) -> Response:
    return house.host_desk.release(http_request, session_id, request_id)


@desk("/v1/desk/sessions/{session_id}/answers/{entry_id}", method="DELETE")
def retract_answer(http_request: Request, session_id: str, entry_id: str) -> Response:
    return house.host_desk.retract(http_request, session_id, entry_id)


@desk("/v1/desk/audit")
def audit(http_request: Request) -> Response:
    return house.desk.audit(http_request)


@desk("/v1/desk/signposts")
def list_signposts_at_desk(http_request: Request) -> Response:
    return house.desk.signposts(http_request)


@desk("/v1/desk/me")
def who_am_i(http_request: Request) -> Response:
    return house.desk.me(http_request)


# ---------------------------------------------------------------- desk face: what editors publish


@desk("/v1/desk/content")
def list_content_kinds(http_request: Request) -> Response:
    return house.content_desk.kinds(http_request)


@desk("/v1/desk/content/{kind}")
def list_content(http_request: Request, kind: str) -> Response:
    return house.content_desk.list(http_request, kind)


@desk("/v1/desk/content/{kind}/{content_id}")
def get_content(http_request: Request, kind: str, content_id: str) -> Response:
    return house.content_desk.get(http_request, kind, content_id)


@desk("/v1/desk/content/{kind}/{content_id}", method="PUT")
def draft_content(http_request: Request, kind: str, content_id: str) -> Response:
    return house.content_desk.draft(http_request, kind, content_id)


@desk("/v1/desk/content/{kind}/{content_id}/draft", method="DELETE")
def discard_draft(http_request: Request, kind: str, content_id: str) -> Response:
    return house.content_desk.discard(http_request, kind, content_id)


@desk("/v1/desk/content/{kind}/{content_id}/preview")
def preview_content(http_request: Request, kind: str, content_id: str) -> Response:
    return house.content_desk.preview(http_request, kind, content_id)


@desk("/v1/desk/content/{kind}/{content_id}/history")
def content_history(http_request: Request, kind: str, content_id: str) -> Response:
    return house.content_desk.history(http_request, kind, content_id)


@desk("/v1/desk/content/{kind}/{content_id}/publish", method="POST")
def publish_content(http_request: Request, kind: str, content_id: str) -> Response:
    return house.content_desk.publish(http_request, kind, content_id)


@desk("/v1/desk/content/{kind}/{content_id}/roll-back", method="POST")
def roll_back_content(http_request: Request, kind: str, content_id: str) -> Response:
    return house.content_desk.roll_back(http_request, kind, content_id)


@desk("/v1/desk/content/{kind}/{content_id}/take-down", method="POST")
def take_down_content(http_request: Request, kind: str, content_id: str) -> Response:
    return house.content_desk.take_down(http_request, kind, content_id)


# ---------------------------------------------------------------- desk face: pages


@desk("/desk")
def desk_page(http_request: Request) -> Response:
    return house.desk_page.page(http_request)


@desk("/desk/signed-in")
def signed_in_page(http_request: Request) -> Response:
    return house.desk_page.signed_in(http_request)


@desk("/desk/panels/{name}")
def desk_panel(http_request: Request, name: str) -> Response:
    return house.desk_page.panel(http_request, name)


@desk("/v1/desk/erasures")
def erasures(http_request: Request) -> Response:
    return house.desk.erasures(http_request)


# ---------------------------------------------------------------- either face


either = public if "public" in house.settings.faces else desk


@either("/health")
def health(http_request: Request) -> Response:
    return house.public.health(http_request)


@either("/openapi.json")
def openapi(http_request: Request) -> Response:
    return house.public.openapi(http_request)


# ---------------------------------------------------------------- by queue and by the clock (desk face)


@on_desk(app.on_sqs_message(queue="quietline-overflow", batch_size=10))
def drain(trigger: SQSEvent) -> dict[str, list[dict[str, str]]]:
    return house.triggers.drain(trigger)


@on_desk(app.schedule(Cron("0/15", "*", "*", "*", "?", "*")))
def ring(trigger: CloudWatchEvent) -> dict[str, int]:  # noqa: ARG001 - it says nothing but "now"
    return house.triggers.ring()


@on_desk(app.schedule(Rate(1, unit=Rate.HOURS)))
def purge(trigger: CloudWatchEvent) -> dict[str, int]:  # noqa: ARG001 - it says nothing but "now"
    return house.retention.hourly()


@on_desk(app.schedule(Rate(5, unit=Rate.MINUTES)))
def watch(trigger: CloudWatchEvent) -> dict[str, int]:  # noqa: ARG001 - as above
    return house.watch.look()
