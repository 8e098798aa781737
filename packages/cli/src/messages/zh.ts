import type { MessageKey } from './en.ts'

/** 本程序的全部中文文本。 */
export const zh: Readonly<Record<MessageKey, string>> = {
  'program.description': '把您机器上的模型分享出去：自动获得网页、队列和 API，无需开放任何端口。',
  'program.examples': `示例：
  spaces serve                                          在 http://localhost:5001 启动 hub
  spaces setup-space                                    创建一个试用空间
  spaces mock-app --spaces TestSpace --verbose          接入一个模拟应用
  spaces login --username alice                         登录，以便在终端提交请求
  spaces submit alice/Echo "写一首关于春天的诗"          提交请求并跟踪进度
  spaces verify                                         检查安装是否正常

在项目目录中请通过 npm 运行：npm run spaces -- submit alice/Echo "写一首关于春天的诗"
界面语言由 LC_ALL、LC_MESSAGES 或 LANG 决定（中文、英文）。`,
  'help.usage': '用法：',
  'help.arguments': '参数：',
  'help.options': '选项：',
  'help.commands': '命令：',
  'help.with_default': '{{description}}（默认：{{value}}）',
  'command.help': '显示某个命令的帮助',
  'option.help': '显示此帮助',
  'option.version': '显示版本号',
  'option.host': 'hub 的地址',
  'option.admin_user': '登录用户名',
  'option.admin_pass': '登录密码；缺省时取 $ADMIN_PASSWORD，或数据目录中自动生成的密码',

  'usage.see_help': '加上 --help 可查看用法。',
  'usage.unknown_option': '没有选项 {{what}}',
  'usage.unknown_command': '没有命令 {{what}}',
  'usage.missing_argument': '缺少参数：{{what}}',
  'usage.missing_option': '缺少选项：{{what}}',
  'usage.option_needs_value': '该选项需要一个值：{{what}}',
  'usage.excess_arguments': '参数过多',
  'usage.invalid_value': '选项的值无效：{{what}}',
  'usage.invalid_choice': '选项的值无效：{{what}}，应为：{{choices}}',

  'error.unexpected': '出错了：{{problem}}',
  'error.not_an_address': '“{{host}}”不是有效的地址，请使用类似 http://localhost:5001 的地址',
  'error.config_dir': '无法写入 {{path}}（{{problem}}）。请修正权限，或用 XDG_CONFIG_HOME 指定其他目录。',

  'hint.unreachable': '请确认 hub 已启动（npm start）且地址正确，可用 --host 指定地址。',
  'hint.log_in': '请先登录：npm run spaces -- login --host <地址>',
  'hint.space_not_found': '请检查名称，大小写必须一致。名称形如 TestSpace 或 owner/TestSpace。',
  'hint.space_ambiguous': '空间名称不唯一，也可以用 owner/name 指明是谁的空间。',
  'hint.app_not_connected': '请先启动该空间的应用，再重新提交。',
  'hint.token_not_stored':
    '本机没有保存该空间的令牌。请用 --token 或 WSS_TOKEN 提供，或新建一个：npm run spaces -- token create {{space}} --save',
  'hint.token': '请用 --token 或 WSS_TOKEN 提供该空间的令牌。可在空间页面创建，或运行：npm run spaces -- token create {{space}} --save',

  'reset_password.description': '为本机 hub 上的用户生成新密码；请先停止 hub',
  'reset_password.argument': '忘记密码的用户',
  'reset_password.unknown': '此 hub 上没有用户 {{username}}。DATA_DIR 是否正确？',
  'reset_password.done': '{{username}} 的新密码：',
  'reset_password.change_it': '该用户的所有会话已失效。请启动 hub，登录后在“账号”页面修改密码。',

  'migrate.description': '把整个 hub 从 SQLite 迁移到 PostgreSQL；请先停止 hub',
  'migrate.option.from': 'sqlite:路径，即数据目录或其中的数据库文件；只读取，不改动',
  'migrate.option.to': 'postgres://user:password@host:5432/database，须为空数据库；省略时使用 $DATABASE_URL',
  'migrate.examples': `迁移全部内容：用户、会话、令牌、空间、请求及其事件。迁移后会读回并逐表核对，
要么全部到达，要么什么都不留下；失败后重新执行同一条命令即可。

命令行参数对本机其他用户可见（ps），环境变量 DATABASE_URL 则不会：
  export DATABASE_URL=postgres://hub:password@db.example.com:5432/hub
  spaces migrate --from sqlite:./data
  spaces serve`,
  'migrate.bad_from': '“{{address}}”不是 SQLite hub 的数据位置。请写成 --from sqlite:./data 的形式',
  'migrate.no_to': '迁移到哪里？请设置 DATABASE_URL=postgres://user:password@host:5432/database，或用 --to 传入。',
  'migrate.bad_to': '--to 或 DATABASE_URL 中的地址无效，应形如 postgres://user:password@host:5432/database',
  'migrate.copying': '复制中',
  'migrate.verifying': '核对中',
  'migrate.stopped': '已停止，没有迁移任何内容。重新执行同一条命令即可。',
  'migrate.done': '已将 {{tables}} 个表共 {{rows}} 行迁移到 {{to}}，核对一致。',
  'migrate.no_sessions': '{{from}} 中没有 auth-secret：所有人需要重新登录。',
  'migrate.next': `今后请用这个 DATABASE_URL 启动 hub：npm start
请保留 {{from}} 作为备份，不要再用它启动 hub：在那里接受的内容不会自动迁移过来。`,

  'serve.description': '启动 hub：网页、API，以及供应用接入的入口',
  'serve.option.host': '监听地址（HOST）',
  'serve.option.port': '监听端口（PORT）',
  'serve.option.data_dir': '数据库和文件的存放目录（DATA_DIR）',
  'serve.settings': '可用环境变量设置：',
  'serve.setting.HOST': '监听地址',
  'serve.setting.PORT': '监听端口；0 表示自动选择空闲端口',
  'serve.setting.DATA_DIR': '数据库和文件的存放目录',
  'serve.setting.ADMIN_PASSWORD': 'admin 的初始密码，至少 8 个字符；不设置则自动生成',
  'serve.setting.PUBLIC_URL': '前面有反向代理时，用户访问此 hub 的地址',
  'serve.setting.LOG_LEVEL': 'fatal、error、warn、info、debug、trace 或 silent',
  'serve.setting.TRUST_PROXY': '由您的反向代理设置 X-Forwarded-* 请求头时，设为 true',
  'serve.setting.WEB_DIR': '已构建网页的目录；不设置则使用本安装自带的网页',
  'serve.setting.DATABASE_URL': 'postgres://user:password@host:5432/database；未设置时使用 DATA_DIR 中的 SQLite 文件',
  'serve.setting.REDIS_URL': 'redis://user:password@host:6379；供共用一个 PostgreSQL 的多个 hub 使用',
  'serve.setting.APP_GRACE_SECONDS': '应用意外断线后，多少秒内重新连上仍可继续处理原来的请求',
  'serve.setting.RETENTION_DAYS': '已结束的请求保留多少天后删除；0 表示永久保留',
  'serve.setting.SQLITE_SYNCHRONOUS': 'full：已接受的请求断电也不丢失；normal：更快，但只保证进程崩溃时不丢失',
  'serve.first_start': '首次启动，请用以下信息登录：',
  'serve.sign_in': '请用以下信息登录：',
  'serve.address': '地址  ',
  'serve.username': '用户名',
  'serve.password': '密码  ',
  'serve.password_kept': '密码只显示这一次。修改之前，可在此文件中查看：{{file}}',
  'serve.password_in': '保存在 {{file}}',
  'serve.password_given': '这是您用 ADMIN_PASSWORD 设置的密码。',
  'serve.no_page': '{{path}} 中没有构建好的网页。请运行 npm run build，或检查 WEB_DIR。',

  'admin.no_password': `没有找到 {{user}} 的密码（{{file}} 不存在）。
  请用 --admin-user 和 --admin-pass 指定，或设置 ADMIN_PASSWORD。`,
  'admin.wrong_password': `无法以 {{user}} 登录 {{host}}：用户名或密码错误。
  请用 --admin-user 和 --admin-pass 指定正确的账号，或设置 ADMIN_PASSWORD。`,

  'setup.description': '创建一个试用空间，并为 mock-app 保存其连接令牌',
  'setup.option.name': '空间名称（默认：TestSpace_ 加当前时间）',
  'setup.option.print_token': '同时显示连接令牌，以便在其他机器上使用',
  'setup.examples': `示例：
  spaces setup-space
  spaces setup-space --host http://hub.example:5001 --admin-user alice --admin-pass "…" --name Echo`,
  'setup.token': '连接令牌（只显示这一次）：',

  'mock.description': '接入一个模拟应用：像真实应用一样排队、显示进度并返回结果',
  'mock.option.spaces': '要接入的空间，“名称”或“所有者/名称”，多个用逗号分隔',
  'mock.option.token': '连接令牌；缺省时取 $WSS_TOKEN，或 setup-space 为该 hub 保存的令牌',
  'mock.option.instance': '本机在页面上显示的名称',
  'mock.option.duration': '每个请求耗时（秒）',
  'mock.option.no_retry': '无法连接或连接断开时直接退出',
  'mock.option.verbose': '同时显示编号、用户和进度',
  'mock.examples': `示例：
  spaces mock-app --spaces TestSpace --verbose
  WSS_TOKEN=wst_… spaces mock-app --host http://hub.example:5001 --spaces "alice/Echo,alice/Other"`,
  'mock.no_space': '请指定要接入的空间：--spaces "TestSpace"',
  'mock.goodbye': 'hub 即将关闭此连接：{{message}}',
  'mock.disconnected': '与 hub 的连接已断开（{{reason}}）',
  'mock.retrying': '{{problem}}。{{seconds}} 秒后重试',
  'mock.failed': '请求 {{id}} 失败：{{problem}}',
  'mock.result_kept': '当前未连接，请求 {{id}} 的结果已保留，恢复连接后发送',
  'mock.result_dropped': '待发送的结果过多，已放弃请求 {{id}} 的结果',
  'mock.resumed': '请求 {{id}} 接着处理，没有中断',
  'mock.request_kept': '请求 {{id}} 重新分配给了本应用，不会重复运行',
  'mock.stopped.canceled': '请求 {{id}} 已取消，停止处理',
  'mock.stopped.timeout': '请求 {{id}} 超时，停止处理',
  'mock.stopped.space_deleted': '空间已删除，停止处理请求 {{id}}',
  'mock.stopped.lease_lost': '请求 {{id}} 已不由本应用处理，停止处理',
  'mock.stopped.closed': '正在退出，请求 {{id}} 交还 hub',
  'mock.report_refused': 'hub 未接受 {{event}}：{{reason}}',
  'mock.ignored': '忽略了本版本不认识的消息：{{event}}',
  'mock.leaving': '正在退出',
  'mock.draining': '正在完成手头的请求（{{count}} 个）；再按一次 Ctrl+C 立即退出',

  'login.description': '在终端登录 hub；只保存 API 密钥，不保存密码',
  'login.option.username': '用户名（默认：本机用户名）',
  'login.option.password_stdin': '从标准输入读取密码',
  'login.examples': `示例：
  spaces login --host http://hub.example:5001 --username alice
  spaces login --username alice --password-stdin < password.txt`,
  'login.password_for': '{{user}} 在 {{host}} 的密码：',
  'login.no_terminal': '没有可供输入密码的终端，请使用 --password-stdin。',
  'login.empty_password': '密码为空。',
  'login.done': '已以 {{user}} 登录 {{host}}',
  'login.stored': 'API 密钥保存在 {{directory}}，仅您本人可读。',
  'login.needed': `您尚未登录 {{host}}。
  请先登录：npm run spaces -- login --host {{host}}   （或设置 SPACES_API_KEY）`,
  'login.given_key_refused': `SPACES_API_KEY 中的 API 密钥错误，或已在 {{host}} 上被吊销。
  请在账号页面新建一个；或取消设置 SPACES_API_KEY，然后登录：npm run spaces -- login --host {{host}}`,
  'login.stored_key_refused': `为 {{host}} 保存的 API 密钥错误或已被吊销。
  请重新登录：npm run spaces -- login --host {{host}}`,
  'logout.description': '删除保存的 API 密钥，并在 hub 上吊销它',
  'logout.done': '已退出登录 {{host}}',
  'logout.was_not': '您没有登录 {{host}}。',
  'logout.not_revoked': '未能在 hub 上吊销该密钥，请到账号页面吊销。',

  'token.description': '连接令牌：应用凭它接入空间',
  'token.create.description': '为一个空间（或您的全部空间）创建连接令牌',
  'token.list.description': '列出一个空间的连接令牌，或您的全部令牌',
  'token.revoke.description': '吊销连接令牌，使用它的连接会立即断开',
  'token.option.name': '便于辨认的名称',
  'token.option.save': '保存在本机，供 mock-app 使用',
  'token.created_for': '{{space}} 的连接令牌（编号 {{id}}）',
  'token.created_for_all': '适用于您全部空间的连接令牌（编号 {{id}}）',
  'token.saved': '已保存在 {{directory}}。令牌只显示这一次。',
  'token.shown_once': '令牌只显示这一次。',
  'token.none': '没有令牌。',
  'token.all_spaces': '全部空间',
  'token.never_used': '从未使用',
  'token.last_used': '上次使用 {{at}}',
  'token.unknown': '没有编号为 {{id}} 的令牌。查看全部令牌：npm run spaces -- token list',
  'token.unknown_in': '{{space}} 没有编号为 {{id}} 的令牌。查看：npm run spaces -- token list {{space}}',
  'token.revoked': '已吊销令牌 {{id}}',

  'submit.description': '向空间提交请求，跟踪进度并显示结果；不写提示词时从标准输入读取',
  'submit.option.json': '以一个 JSON 对象输出完成后的请求',
  'submit.option.ndjson': '逐行输出每个事件，每行一个 JSON 对象',
  'submit.option.no_wait': '输出请求编号后立即退出',
  'submit.option.idempotency_key': '以此 Idempotency-Key 发送：使用同一个键，无论发送多少次都只算一个请求',
  'submit.option.priority': '优先级：low（低）、normal（普通）或 high（高）；high 仅限空间所有者和管理员（默认：normal）',
  'submit.examples': `示例：
  spaces submit alice/Echo "写一首关于春天的诗"
  cat letter.txt | spaces submit alice/Summary
  spaces submit Echo "写一首关于春天的诗" --json

按 Ctrl+C 取消请求。仅当请求完成时退出码为 0。`,
  'submit.empty_prompt': '提示词为空。请写在空间名称之后，或通过管道传入。',
  'submit.prompt_too_long': '提示词过长：最多接受 {{limit}} 个字符。',
  'submit.accepted': '请求 {{id}}，空间 {{space}}',
  'submit.position': '排队中，第 {{position}} / {{total}} 位',
  'submit.eta_seconds': '预计 {{range}} 秒',
  'submit.eta_minutes': '预计 {{range}} 分钟',
  'submit.eta_within_seconds': '预计 {{high}} 秒内',
  'submit.eta_within_minutes': '预计 {{high}} 分钟内',
  'submit.eta_any_moment': '随时可能完成',
  'submit.queued': '排队中',
  'submit.processing': '处理中 {{instance}}',
  'submit.again': '应用失去连接，请求将从头重新运行。',
  'submit.sending_again': 'hub 没有响应，正在重新发送。这仍是同一个请求。',
  'submit.canceling': '正在取消…（再按一次 Ctrl+C 立即退出）',
  'submit.stopping': '正在取消，等待应用停止',
  'submit.canceled': '请求 {{id}} 已取消',
  'submit.failed': '{{problem}}（请求 {{id}}）',
  'submit.done': '完成',
  'submit.done_in': '完成，用时 {{seconds}} 秒',
  'submit.confidence': '置信度 {{value}}',
  'submit.tokens': '{{count}} 个 Token',
  'submit.on': '运行于 {{instance}}',

  'verify.description': '检查安装是否正常：hub、页面、应用、队列、连接、安全',
  'verify.option.host': '要检查的 hub 的地址；不指定则临时启动一个使用独立数据库的 hub',
  'verify.option.no_browser': '不使用浏览器检查页面，改为检查其 HTML 和实时连接',
  'verify.examples': `示例：
  spaces verify
  spaces verify --host http://hub.example:5001 --admin-pass "…"

找到浏览器（Chromium、Chrome 或 $CHROME_PATH）时，页面在真实浏览器中检查。全部通过时退出码才为 0。`,
  'verify.own_hub': '正在检查本安装（使用临时的 hub 和数据库）...',
  'verify.running_hub': '正在检查 hub：{{host}}...',
  'verify.score': '通过 {{passed}} / {{total}} 项',
  'verify.section.basics': '基础',
  'verify.hub_starts': 'hub 启动',
  'verify.modules_load': '模块加载',
  'verify.space_created': '创建空间',
  'verify.app_connects': '模拟应用接入',
  'verify.page_connected': '页面显示已连接',
  'verify.section.function': '功能',
  'verify.request_submits': '提交一个请求',
  'verify.app_receives': '应用收到请求',
  'verify.app_returns': '应用返回结果',
  'verify.page_shows': '页面显示结果',
  'verify.section.concurrency': '并发',
  'verify.several_at_once': '同时提交多个请求',
  'verify.queued_in_order': '按顺序排队',
  'verify.all_processed': '全部处理完成',
  'verify.everyone_own': '各自得到自己的结果',
  'verify.section.connection': '连接',
  'verify.status_leaves': '应用离开时状态更新',
  'verify.form_disabled': '表单被禁用',
  'verify.status_returns': '应用恢复时状态更新',
  'verify.new_requests': '新请求正常处理',
  'verify.section.security': '安全',
  'verify.duplicates_refused': '拒绝重名空间',
  'verify.unauthorised_refused': '拒绝未授权访问',
  'verify.errors_clear': '错误信息清楚',
  'verify.no_browser': '未使用浏览器：改为检查页面的 HTML 及其实时连接',
  'verify.registration_closed': '已关闭注册：仅用一个用户检查',
  'verify.page_not_built': '网页尚未构建，请运行：npm run build',
  'verify.not_within': '{{seconds}} 秒内没有出现 {{what}}',
  'verify.unexpected': '应为 {{expected}}，实际为 {{seen}}',
  'verify.blocked': '需要先通过“{{check}}”',
  'verify.command_ended': '“{{command}}”已退出：{{said}}',
  'verify.reloaded': '页面被重新加载了',
}
