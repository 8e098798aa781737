/** Every text of this program in English; `zh.ts` has the same keys. Lines that scripts look for are in the code, the same in every language. */
export const en = {
  'program.description': 'Share the model on your machine: it gets a web page, a queue and an API, and opens no port.',
  'program.examples': `Examples:
  spaces serve                                          run a hub on http://localhost:5001
  spaces setup-space                                    make a space to try it with
  spaces mock-app --spaces TestSpace --verbose          connect an app that only pretends
  spaces login --username alice                         sign in, to submit from this terminal
  spaces submit alice/Echo "Write a haiku"              send a request and follow it
  spaces verify                                         check that this installation works

From the project's folder, run them through npm: npm run spaces -- submit alice/Echo "Write a haiku"
Messages follow LC_ALL, LC_MESSAGES or LANG (English, Chinese).`,
  'help.usage': 'Usage:',
  'help.arguments': 'Arguments:',
  'help.options': 'Options:',
  'help.commands': 'Commands:',
  'help.with_default': '{{description}} (default: {{value}})',
  'command.help': 'show help for a command',
  'option.help': 'show this help',
  'option.version': 'show the version',
  'option.host': 'address of the hub',
  'option.admin_user': 'who to sign in as',
  'option.admin_pass': 'their password; otherwise $ADMIN_PASSWORD, or the generated one in the data directory',

  'usage.see_help': 'Add --help to see how it is used.',
  'usage.unknown_option': 'There is no option {{what}} here',
  'usage.unknown_command': 'There is no command {{what}}',
  'usage.missing_argument': 'An argument is missing: {{what}}',
  'usage.missing_option': 'An option is missing: {{what}}',
  'usage.option_needs_value': 'This option needs a value: {{what}}',
  'usage.excess_arguments': 'There are too many arguments',
  'usage.invalid_value': 'The value of this option is not valid: {{what}}',
  'usage.invalid_choice': 'The value of this option is not valid: {{what}}. It takes: {{choices}}',

  'error.unexpected': 'Something went wrong: {{problem}}',
  'error.not_an_address': '"{{host}}" is not an address. Give one such as http://localhost:5001',
  'error.config_dir': 'Cannot write to {{path}} ({{problem}}). Fix its permissions, or set XDG_CONFIG_HOME to another directory.',

  'hint.unreachable': 'Is the hub running (npm start), and is the address right? Pass it with --host.',
  'hint.log_in': 'Sign in with: npm run spaces -- login --host <address>',
  'hint.space_not_found': 'Check the spelling; upper and lower case count. Names look like TestSpace or owner/TestSpace.',
  'hint.space_ambiguous': 'Or say whose it is: owner/name',
  'hint.app_not_connected': 'Start an app for this space, then submit again.',
  'hint.token_not_stored':
    'No token for this space is stored here. Pass one with --token or WSS_TOKEN, or make one: npm run spaces -- token create {{space}} --save',
  'hint.token':
    "Pass a token of this space with --token or WSS_TOKEN. Make one on the space's page, or with: npm run spaces -- token create {{space}} --save",

  'reset_password.description': 'give a user of the hub on this machine a new password; stop the hub first',
  'reset_password.argument': 'who forgot their password',
  'reset_password.unknown': 'There is no user {{username}} on this hub. Is DATA_DIR the right one?',
  'reset_password.done': 'The new password of {{username}}:',
  'reset_password.change_it': 'All their sessions have ended. Start the hub, sign in, and change it under Account.',

  'migrate.description': 'move a whole hub from SQLite to PostgreSQL; stop the hub first',
  'migrate.option.from': 'sqlite:PATH of the data directory, or of the file in it; it is only read',
  'migrate.option.to': 'postgres://user:password@host:5432/database, an empty one; otherwise $DATABASE_URL',
  'migrate.examples': `Everything moves: users, sessions, tokens, spaces, requests and their events. It is read back and compared,
and all of it arrives or nothing; after a failure, run the same command again.

Others on this machine can see what is typed on a command line (ps); an address in DATABASE_URL they cannot:
  export DATABASE_URL=postgres://hub:password@db.example.com:5432/hub
  spaces migrate --from sqlite:./data
  spaces serve`,
  'migrate.bad_from': '"{{address}}" is not where a hub on SQLite keeps its data. Give one such as --from sqlite:./data',
  'migrate.no_to': 'Where to? Set DATABASE_URL=postgres://user:password@host:5432/database, or pass it with --to.',
  'migrate.bad_to': 'What is in --to or DATABASE_URL is not an address such as postgres://user:password@host:5432/database',
  'migrate.copying': 'Copying  ',
  'migrate.verifying': 'Comparing',
  'migrate.stopped': 'Stopped. Nothing was moved; run the same command again.',
  'migrate.done': '{{rows}} rows in {{tables}} tables are in {{to}}, and are what they were.',
  'migrate.no_sessions': 'There was no auth-secret in {{from}}: everybody has to sign in again.',
  'migrate.next': `From now on start the hub with this DATABASE_URL: npm start
Keep {{from}} as a backup, and start no hub on it again: what that one accepts does not come along.`,

  'serve.description': 'run a hub: the web page, the API and the door apps dial in to',
  'serve.option.host': 'address to listen on (HOST)',
  'serve.option.port': 'port to listen on (PORT)',
  'serve.option.data_dir': 'where the database and files are kept (DATA_DIR)',
  'serve.settings': 'Settings, by environment variables:',
  'serve.setting.HOST': 'address to listen on',
  'serve.setting.PORT': 'port to listen on; 0 takes a free one',
  'serve.setting.DATA_DIR': 'where the database and files are kept',
  'serve.setting.ADMIN_PASSWORD': 'first password of admin, at least 8 characters; generated when not set',
  'serve.setting.PUBLIC_URL': 'address people reach this hub at, when a proxy stands before it',
  'serve.setting.LOG_LEVEL': 'fatal, error, warn, info, debug, trace or silent',
  'serve.setting.TRUST_PROXY': 'true when a proxy of yours sets the X-Forwarded-* headers',
  'serve.setting.WEB_DIR': 'built web page to serve; the one of this installation when not set',
  'serve.setting.DATABASE_URL': 'postgres://user:password@host:5432/database; a SQLite file in DATA_DIR when not set',
  'serve.setting.REDIS_URL': 'redis://user:password@host:6379; for several hubs on one PostgreSQL',
  'serve.setting.APP_GRACE_SECONDS': 'seconds in which an app that vanished may come back for what it was running',
  'serve.setting.RETENTION_DAYS': 'finished requests are deleted after so many days; 0 keeps them for ever',
  'serve.setting.SQLITE_SYNCHRONOUS': 'full: what was accepted survives a power cut; normal: faster, survives a crash only',
  'serve.first_start': 'First start. Sign in here:',
  'serve.sign_in': 'Sign in here:',
  'serve.address': 'Address ',
  'serve.username': 'Username',
  'serve.password': 'Password',
  'serve.password_kept': 'The password is shown this once. Until you change it, it can be read in {{file}}',
  'serve.password_in': 'kept in {{file}}',
  'serve.password_given': 'This is the password you set with ADMIN_PASSWORD.',
  'serve.no_page': 'There is no built web page in {{path}}. Run npm run build, or check WEB_DIR.',

  'admin.no_password': `No password for {{user}} was found ({{file}} is not there).
  Pass --admin-user and --admin-pass, or set ADMIN_PASSWORD.`,
  'admin.wrong_password': `Signing in to {{host}} as {{user}} failed: wrong username or password.
  Pass the right ones with --admin-user and --admin-pass, or set ADMIN_PASSWORD.`,

  'setup.description': 'make a space to try the hub with, and keep its connect token for mock-app',
  'setup.option.name': 'name of the space (default: TestSpace_ and the time)',
  'setup.option.print_token': 'also print the connect token, to use it on another machine',
  'setup.examples': `Examples:
  spaces setup-space
  spaces setup-space --host http://hub.example:5001 --admin-user alice --admin-pass "…" --name Echo`,
  'setup.token': 'Connect token, shown this once:',

  'mock.description': 'connect an app that only pretends: it queues, shows progress and answers like a real one',
  'mock.option.spaces': 'spaces to serve, "name" or "owner/name", several with commas',
  'mock.option.token': 'connect token; otherwise $WSS_TOKEN, or the one that setup-space kept for this hub',
  'mock.option.instance': 'how this machine is called on pages',
  'mock.option.duration': 'seconds a request takes',
  'mock.option.no_retry': 'give up when the hub cannot be reached or the connection is lost',
  'mock.option.verbose': 'also show ids, users and progress',
  'mock.examples': `Examples:
  spaces mock-app --spaces TestSpace --verbose
  WSS_TOKEN=wst_… spaces mock-app --host http://hub.example:5001 --spaces "alice/Echo,alice/Other"`,
  'mock.no_space': 'Say which space to serve: --spaces "TestSpace"',
  'mock.goodbye': 'The hub closes this connection: {{message}}',
  'mock.disconnected': 'Connection to the hub lost ({{reason}})',
  'mock.retrying': '{{problem}}. Trying again in {{seconds}} s',
  'mock.failed': 'Request {{id}} failed: {{problem}}',
  'mock.result_kept': 'The hub is away; the result of request {{id}} is kept until it is back',
  'mock.result_dropped': 'Too many results are waiting; that of request {{id}} was given up',
  'mock.resumed': 'Request {{id}} goes on where it was',
  'mock.request_kept': 'Request {{id}} came back to this app; it is not run twice',
  'mock.stopped.canceled': 'Request {{id}} was canceled and is stopped',
  'mock.stopped.timeout': 'Request {{id}} took too long and is stopped',
  'mock.stopped.space_deleted': 'The space was deleted; request {{id}} is stopped',
  'mock.stopped.lease_lost': "Request {{id}} is no longer this app's and is stopped",
  'mock.stopped.closed': 'Leaving; request {{id}} goes back to the hub',
  'mock.report_refused': 'The hub did not take {{event}}: {{reason}}',
  'mock.ignored': 'Ignored a message this version does not know: {{event}}',
  'mock.leaving': 'Leaving',
  'mock.draining': 'Finishing what is running ({{count}}); Ctrl+C again leaves at once',

  'login.description': 'sign in to a hub from this terminal; keeps an API key, never the password',
  'login.option.username': 'your username there (default: your name on this machine)',
  'login.option.password_stdin': 'read the password from standard input',
  'login.examples': `Examples:
  spaces login --host http://hub.example:5001 --username alice
  spaces login --username alice --password-stdin < password.txt`,
  'login.password_for': 'Password of {{user}} on {{host}}: ',
  'login.no_terminal': 'There is no terminal to ask for the password on. Use --password-stdin.',
  'login.empty_password': 'The password is empty.',
  'login.done': 'Signed in to {{host}} as {{user}}',
  'login.stored': 'The API key is kept in {{directory}}, readable by you alone.',
  'login.needed': `You are not signed in to {{host}}.
  Sign in with: npm run spaces -- login --host {{host}}   (or set SPACES_API_KEY)`,
  'login.given_key_refused': `The API key in SPACES_API_KEY is wrong or was revoked on {{host}}.
  Make one on the account page; or unset SPACES_API_KEY and sign in with: npm run spaces -- login --host {{host}}`,
  'login.stored_key_refused': `The API key kept for {{host}} is wrong or was revoked.
  Sign in again with: npm run spaces -- login --host {{host}}`,
  'logout.description': 'forget the API key of a hub and revoke it there',
  'logout.done': 'Signed out of {{host}}',
  'logout.was_not': 'You were not signed in to {{host}}.',
  'logout.not_revoked': 'The key could not be revoked on the hub; do it on the account page.',

  'token.description': 'connect tokens, with which apps register',
  'token.create.description': 'make a connect token for a space, or for all of yours',
  'token.list.description': 'list the connect tokens of a space, or all of yours',
  'token.revoke.description': 'revoke a connect token; connections that use it end at once',
  'token.option.name': 'a name to know it by',
  'token.option.save': 'keep it on this machine for mock-app',
  'token.created_for': 'Connect token for {{space}} (id {{id}})',
  'token.created_for_all': 'Connect token for all your spaces (id {{id}})',
  'token.saved': 'Kept in {{directory}}. It is shown this once.',
  'token.shown_once': 'It is shown this once.',
  'token.none': 'There are no tokens.',
  'token.all_spaces': 'all spaces',
  'token.never_used': 'never used',
  'token.last_used': 'last used {{at}}',
  'token.unknown': 'There is no token {{id}} among these. See: npm run spaces -- token list',
  'token.unknown_in': 'There is no token {{id}} of {{space}}. See: npm run spaces -- token list {{space}}',
  'token.revoked': 'Token {{id}} is revoked',

  'submit.description': 'send a request to a space, follow it and print the result; without a prompt it is read from standard input',
  'submit.option.json': 'print the finished request as one JSON object',
  'submit.option.ndjson': 'print every event as it comes, one JSON object a line',
  'submit.option.no_wait': "print the request's id and leave",
  'submit.option.idempotency_key': 'send it with this Idempotency-Key: submits with one key are one request, however often they are sent',
  'submit.option.priority': 'low, normal or high; high is for the owner of the space and admins (default: normal)',
  'submit.examples': `Examples:
  spaces submit alice/Echo "Write a haiku"
  cat letter.txt | spaces submit alice/Summary
  spaces submit Echo "Write a haiku" --json

Ctrl+C cancels the request. The exit status is 0 only when it completed.`,
  'submit.empty_prompt': "The prompt is empty. Put it behind the space's name, or pipe it in.",
  'submit.prompt_too_long': 'The prompt is too long: at most {{limit}} characters are accepted.',
  'submit.accepted': 'Request {{id}} to {{space}}',
  'submit.position': 'waiting, {{position}} of {{total}}',
  'submit.eta_seconds': 'about {{range}} s',
  'submit.eta_minutes': 'about {{range}} min',
  'submit.eta_within_seconds': 'about {{high}} s or less',
  'submit.eta_within_minutes': 'about {{high}} min or less',
  'submit.eta_any_moment': 'any moment now',
  'submit.queued': 'waiting',
  'submit.processing': 'running {{instance}}',
  'submit.again': 'The app was lost; the request runs again from the start.',
  'submit.sending_again': 'The hub does not answer; sending it again. It stays one request.',
  'submit.canceling': 'Canceling… (Ctrl+C again to leave at once)',
  'submit.stopping': 'canceling; waiting until the app has stopped',
  'submit.canceled': 'Request {{id}} was canceled',
  'submit.failed': '{{problem}} (request {{id}})',
  'submit.done': 'Done',
  'submit.done_in': 'Done in {{seconds}} s',
  'submit.confidence': 'confidence {{value}}',
  'submit.tokens': '{{count}} tokens',
  'submit.on': 'on {{instance}}',

  'verify.description': 'check that this installation works: hub, page, app, queue, connection, security',
  'verify.option.host': 'a running hub to check; without it one is started for the occasion, with a database of its own',
  'verify.option.no_browser': 'check the page without a browser: its HTML and its live connection',
  'verify.examples': `Examples:
  spaces verify
  spaces verify --host http://hub.example:5001 --admin-pass "…"

The page is checked in a real browser when one is found (Chromium, Chrome or $CHROME_PATH). The exit status is 0 only when all holds.`,
  'verify.own_hub': 'Checking this installation, with a hub and a database of its own...',
  'verify.running_hub': 'Checking the hub at {{host}}...',
  'verify.score': '{{passed}} of {{total}} passed',
  'verify.section.basics': 'Basics',
  'verify.hub_starts': 'hub starts',
  'verify.modules_load': 'modules load',
  'verify.space_created': 'a space is created',
  'verify.app_connects': 'the mock app connects',
  'verify.page_connected': 'the page says connected',
  'verify.section.function': 'Function',
  'verify.request_submits': 'one request submits',
  'verify.app_receives': 'the app receives it',
  'verify.app_returns': 'the app returns a result',
  'verify.page_shows': 'the page shows it',
  'verify.section.concurrency': 'Concurrency',
  'verify.several_at_once': 'several at once',
  'verify.queued_in_order': 'queued in order',
  'verify.all_processed': 'all processed',
  'verify.everyone_own': 'everyone gets their own',
  'verify.section.connection': 'Connection',
  'verify.status_leaves': 'status updates when the app leaves',
  'verify.form_disabled': 'the form is disabled',
  'verify.status_returns': 'status updates when it returns',
  'verify.new_requests': 'new requests work',
  'verify.section.security': 'Security',
  'verify.duplicates_refused': 'duplicate names refused',
  'verify.unauthorised_refused': 'unauthorised access refused',
  'verify.errors_clear': 'error messages clear',
  'verify.no_browser': "no browser: checked through the page's HTML and its own live connection",
  'verify.registration_closed': 'registration is closed: checked with one user only',
  'verify.page_not_built': 'the page is not built; run: npm run build',
  'verify.not_within': 'not within {{seconds}} s {{what}}',
  'verify.unexpected': 'expected {{expected}}, saw {{seen}}',
  'verify.blocked': 'needs "{{check}}" first',
  'verify.command_ended': '"{{command}}" ended: {{said}}',
  'verify.reloaded': 'the page was reloaded',
} as const

export type MessageKey = keyof typeof en
