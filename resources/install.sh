#!/bin/bash
# Runs on a router, as root, by SSM Run Command. Puts the diverter there and has it divert; run twice, it changes nothing.
# What worked before works after, or all that was done is undone.
set -euo pipefail
export HOME=/root DEBIAN_FRONTEND=noninteractive

# Agents before 3.3.2746 do not export parameters. The pasted form is safe: each has an allowedPattern without quotes.
if [ -z "${SSM_Diverter+x}" ]; then
  SSM_Diverter='{{ Diverter }}' SSM_Url='{{ Url }}' SSM_Sha256='{{ Sha256 }}' SSM_Addresses='{{ Addresses }}'
  SSM_Sources='{{ Sources }}' SSM_Reply='{{ Reply }}' SSM_Range='{{ Range }}' SSM_Resolver='{{ Resolver }}'
  SSM_HealthPort='{{ HealthPort }}' SSM_HealthOptions='{{ HealthOptions }}' SSM_RegistrationKey='{{ RegistrationKey }}'
  SSM_TuneRouter='{{ TuneRouter }}'
fi

package=ziti-glb-diverter
program=/usr/sbin/diverter
settings=/etc/default/ziti-glb-diverter
health_settings=/etc/default/ziti-glb-health
router_settings=/etc/default/ziti-glb-router
resolver=/etc/systemd/system/ziti-router.service.d/ziti-glb-resolver.conf
kept=/var/lib/ziti-glb
work=''
unread=$kept/unread
marked=''
# The log is not in /var/log: on Ubuntu the group syslog may write there, and could lay links for root to follow.
log=$kept/install.log

# The agent ends this after 300 seconds, with nothing undone. By then, in seconds from the start, all is done, or else undone.
deadline=240
undo_deadline=290
# left SECONDS says so many, or what is left.
left() { local left=$((deadline - SECONDS)); echo $((left < 1 ? 1 : left < $1 ? left : $1)); }
in_time() { timeout --kill-after=2 "$(left 300)" "$@"; }
until_true() { local end=$((SECONDS + $(left "$1"))); shift; until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.5; done; }

# AWS keeps the first 2,500 characters of what is written here: what tools say goes to the log.
fail() { echo "ziti-glb: $*" >&2; exit 1; }
last_words() { grep -v '^[[:space:]]*$' "$log" | tail -n 2 | uniq | tr '\n' ' '; }
quietly() {
  local status=0
  in_time "$@" >>"$log" 2>&1 9>&- || status=$?
  [ $status != 124 ] || fail "$* had not ended by the time that an install has"
  [ $status = 0 ] || fail "$1 failed: $(last_words)"
}

# ---- Undoing

# Steps back have their words in one list, and how many each has in the other. The last to be undone stands first.
undo=() words=()
undo_by() { undo+=("$@") words+=($#); }
undo_last_by() { undo=("$@" "${undo[@]}") words=($# "${words[@]}"); }
finish() {
  local status=$? i count=${#words[@]} one
  set +e
  deadline=$undo_deadline
  if [ "$status" -ne 0 ]; then
    # A tool's own status may mean something to the agent: 194 starts the machine again, 168 is a success, 137 a timeout.
    status=1
    for ((i = count - 1; i >= 0; i--)); do
      one=("${undo[@]: -words[i]}")
      undo=("${undo[@]::${#undo[@]}-words[i]}")
      "${one[@]}" >>"$log" 2>&1 9>&-
    done
    # The mark of an install before this one says that there is something to make up for still.
    [ -z "$marked" ] || rm -f "$unread"
    [ "$count" -eq 0 ] || echo "ziti-glb: what this install had changed is undone" >&2
  fi
  if [ -n "$work" ]; then
    rm -rf "$work"
  fi
  exit "$status"
}
trap finish EXIT
trap 'exit 1' TERM INT

# beside FILE COMMAND... runs it in the file's directory, as the owner of that, who could lay links there for root to follow. On the way there
# nobody has laid one since it was found.
beside() {
  local directory=${1%/*}
  shift
  (cd "$directory" && [ "$(pwd -P)" = "$directory" ] || { echo "$directory is not where it was, but a link" >>"$log"; exit 1; }
    exec setpriv --reuid "$(stat -c %u .)" --regid "$(stat -c %g .)" --clear-groups "$@")
}
# replace FILE <TEXT: says whether it had another one. The former one stays beside it, which needs no room; on a full disk every
# step may fail, and what there is must not be lost by it.
replace() {
  local name=${1##*/}
  cat >"$work/new" || unwritten "$work/new"
  if cmp -s "$work/new" "$1"; then return 1; fi
  if [ -f "$1" ]; then
    undo_by beside "$1" sh -c '[ ! -f "$1.before-ziti-glb" ] || mv -f "$1.before-ziti-glb" "$1"' sh "$name"
  else
    undo_by beside "$1" rm -f "$name"
  fi
  # shellcheck disable=SC2016 # of the inner shell, which a failure stops
  beside "$1" sh -ec '
    umask 077
    rm -f "$1.before-ziti-glb" "$1.ziti-glb-new"
    cat >"$1.ziti-glb-new"
    if [ -f "$1" ]; then
      [ "$(id -u)" != 0 ] || chown --reference="$1" "$1.ziti-glb-new"
      chmod --reference="$1" "$1.ziti-glb-new"
      ln "$1" "$1.before-ziti-glb" || cp -p "$1" "$1.before-ziti-glb"
    else
      chmod 644 "$1.ziti-glb-new"
    fi
    mv -f "$1.ziti-glb-new" "$1"' sh "$name" <"$work/new" 2>>"$log" || { beside "$1" rm -f "$name.ziti-glb-new"; unwritten "$1"; }
}
unwritten() { fail "$1 could not be written, is the disk full? $(last_words)"; }

# ---- What must go on working

listens() { [ -n "$(ss -Hltn "sport = :$1")" ]; }
# ziti-router's own health check, where the load balancer asks it, or the diverter does.
router_port=8081 asked_by=balancer
if [ -n "$SSM_HealthPort" ]; then
  router_port=$(sed -n 's/^--router \([0-9]*\).*/\1/p' <<<"$SSM_HealthOptions") asked_by=router
fi
serves() {
  [ -z "$router_port" ] || curl --silent --insecure --fail --max-time 3 --output /dev/null "https://127.0.0.1:$router_port/health-checks"
}
# The agent's connections come and go on the same road to AWS. Any answer will do.
reaches_aws() {
  local region=${AWS_SSM_REGION_NAME:-} suffix=amazonaws.com
  case $region in cn-*) suffix=amazonaws.com.cn ;; eusc-*) suffix=amazonaws.eu ;; esac
  local url=${SSM_Url:-https://ssm.$region.$suffix/}
  curl --silent --insecure --max-time 5 --output /dev/null "${url%%\?*}"
}
# has_line, unlike grep -q, reads on to the end: who writes to it is not ended by SIGPIPE, which pipefail would take for a no.
has_line() { [ -n "$(grep "$1")" ]; }

# ---- ziti-router's configuration

# ziti-router's unit names its configuration; else it is where ziti_router_auto_enroll, NetFoundry's images and OpenZiti's packages have it.
find_configuration() {
  local run folder word named='' file words
  run=$(systemctl show --value --property=ExecStart ziti-router.service 2>>"$log") || true
  folder=$(systemctl show --value --property=WorkingDirectory ziti-router.service 2>>"$log") || true
  run=${run#*'argv[]='}
  read -ra words <<<"${run%%' ; '*}" || true
  for word in "${words[@]:1}"; do
    if [[ $word == *.yml || $word == *.yaml || $word == "${words[-1]}" ]]; then named=$word; fi
    if [[ $named == *.yml || $named == *.yaml ]]; then break; fi
  done
  [[ -z $named || $named == /* ]] || named=${folder#[!/]}/$named
  for file in "$named" /opt/openziti/ziti-router/config.yml /opt/netfoundry/ziti/ziti-router/config.yml /var/lib/ziti-router/config.yml; do
    if [ -f "$file" ]; then readlink -f "$file"; return; fi
  done
  fail "no configuration of ziti-router is in ${named:+$named (of its unit), }/opt/openziti/ziti-router/config.yml, /opt/netfoundry/ziti/ziti-router/config.yml or /var/lib/ziti-router/config.yml: is it enrolled?"
}

# ---- ziti-router's process, and what it may

router_pid() { systemctl show --value --property=MainPID ziti-router.service; }
# A process does not count while systemd is still making it what it is to be.
runs() {
  local pid
  pid=$(router_pid) && [ "${pid:-0}" != 0 ] && [[ $(readlink "/proc/$pid/exe") != */systemd* ]]
}
# of_router NAME prints what the kernel says of the process.
of_router() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$(router_pid)/status"; }
# The package's drop-in gives a router that is not root this, from its next start on: CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, a group.
is_equipped() {
  local uid group needs=$((1 << 12 | 1 << 10))
  runs && uid=$(of_router Uid) || return 1
  [ "$(cut -f 2 <<<"$uid")" != 0 ] || return 0
  group=$(getent group ziti-glb | cut -d : -f 3)
  [[ " $(of_router Groups) " == *" $group "* ]] && (((16#$(of_router CapAmb) & needs) == needs))
}

capabilities() {
  local mask bit text=-all
  mask=$((16#$(of_router "$1")))
  for ((bit = 0; bit < 63; bit++)); do if ((mask >> bit & 1)); then text+=,+cap_$bit; fi; done
  echo "$text"
}
# as_router runs the diverter as ziti-router runs it: with its user, groups, capabilities and files.
as_router() {
  local uid gid groups privileges=()
  read -r _ uid _ < <(of_router Uid)
  read -r _ gid _ < <(of_router Gid)
  read -ra groups < <(of_router Groups) || true
  if [ ${#groups[@]} = 0 ]; then privileges+=(--clear-groups); else privileges+=(--groups "$(IFS=,; echo "${groups[*]}")"); fi
  if [ "$(of_router NoNewPrivs)" = 1 ]; then privileges+=(--no-new-privs); fi
  in_time nsenter --target "$(router_pid)" --mount setpriv --reuid "$uid" --regid "$gid" "${privileges[@]}" \
    --bounding-set "$(capabilities CapBnd)" --inh-caps "$(capabilities CapInh)" --ambient-caps "$(capabilities CapAmb)" "$program" "$@" 9>&-
}
# ziti-router says it at debug only if the diverter refuses it. The rule is for nobody's address, and for no listener.
try_as_router() {
  local said rule=(-c 192.0.2.1 -m 32 -p udp -o 0.0.0.0 -n 0 -l 65535 -h 65535)
  until_true "$patience" runs || fail "ziti-router does not run"
  if said=$(as_router -V 2>&1 >/dev/null) && said=$(as_router -I "${rule[@]}" -t 0 -s ziti-glb-install 2>&1 >/dev/null) &&
    said=$(as_router -D "${rule[@]}" 2>&1 >/dev/null); then
    return
  fi
  "$program" -D "${rule[@]}" >/dev/null 2>&1 || true
  fail "ziti-router, as $(ps -o user:32= -p "$(router_pid)" 2>/dev/null || echo "its user"), may not use the diverter: ${said#diverter: }"
}

# ---- Our own diverter

# A package is kept once it is installed, and none while one is being installed.
has_package() {
  echo "$SSM_Sha256  $kept/diverter.deb" | sha256sum --check --status 2>/dev/null && [ -x "$program" ] &&
    [[ $(dpkg-query --show --showformat '${Status} ${Version}' "$package" 2>/dev/null) == \
      *" ok installed $(dpkg-deb --field "$kept/diverter.deb" Version)" ]]
}

# dpkg has no option to wait for its lock, and at its launch a machine may be upgrading itself. By whom it was locked, versions of
# dpkg say otherwise: "by another process", and "by /usr/bin/apt process" from 1.22.7 on.
dpkg_alone() {
  local end=$((SECONDS + $(left 60))) said
  until said=$(LC_ALL=C in_time dpkg "$@" 2>&1 9>&-); do
    printf '%s\n' "${said%%$'\n'Note: removing the lock*}" >>"$log"
    [[ $said == *" was locked by "* ]] && [ $SECONDS -lt $end ] || return 1
    sleep 1
  done
  printf '%s\n' "$said" >>"$log"
}

download_package() {
  local status said
  command -v dpkg >/dev/null || fail "this image has no dpkg: the diverter comes as a package for Debian and Ubuntu"
  status=$(timeout --kill-after=2 "$(left 120)" curl --silent --show-error --connect-timeout 10 --retry 2 --max-time 60 \
    --output "$work/diverter.deb" --write-out '%{http_code}' "$SSM_Url" 2>>"$log") ||
    fail "could not download the diverter: can this router reach S3? $(last_words)"
  if [ "$status" != 200 ]; then
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    said=$(head -c 2000 "$work/diverter.deb" | tr -d '\r\n' | sed -n 's:.*<Code>\([A-Za-z]*\)</Code>.*<Message>\([^<]*\)</Message>.*:\1, \2:p')
    # A link dies with the session that signed it, however long it was to live; it is signed anew for each command.
    case $said in
      ExpiredToken,* | *"Request has expired"*) fail "the link to the diverter has expired ($said): the next command has a fresh one" ;;
      *) fail "could not download the diverter: S3 answers $status${said:+ ($said)}" ;;
    esac
  fi
  echo "$SSM_Sha256  $work/diverter.deb" | sha256sum --check --status ||
    fail "the download is not the diverter this stack was deployed with: its SHA-256 is another one"
  quietly dpkg-deb --extract "$work/diverter.deb" "$work/package"
}

install_package() {
  # A package that is there already is of an install that was killed here.
  [ ! -f "$kept/diverter.deb" ] || mv "$kept/diverter.deb" "$kept/former.deb"
  undo_by restore_package
  undo_by rm -f "$kept/diverter.deb"
  dpkg_alone --install "$work/diverter.deb" || fail "dpkg failed: $(last_words)"
  mv "$work/diverter.deb" "$kept/diverter.deb"
}
restore_package() {
  if [ -f "$kept/former.deb" ]; then
    dpkg_alone --install "$kept/former.deb" && mv "$kept/former.deb" "$kept/diverter.deb"
  else
    dpkg_alone --purge "$package"
  fi
}

# Clients ask for names at an address that all routers share: it has to be this machine's before ziti-router starts, and what
# is sent to it is for ziti-router's own socket. By its name this comes after the package's drop-in, and its flush.
bind_resolver() {
  local rule="-c $SSM_Resolver -m 32 -l 53 -h 53 -t 0 -s resolver"
  mkdir -p "${resolver%/*}"
  undo_by in_time systemctl daemon-reload
  replace "$resolver" <<<"[Service]
ExecStartPre=-+/sbin/ip address replace $SSM_Resolver/32 dev lo
ExecStartPre=-+$program -I $rule -p udp
ExecStartPre=-+$program -I $rule -p tcp" || return 1
  quietly systemctl daemon-reload
}

# Its rule goes when ziti-router is started again, and its address comes back then if this is undone.
release_resolver() {
  local address
  address=$(sed -n 's|.* address replace \([^ ]*\) dev lo$|\1|p' "$resolver")
  undo_by in_time systemctl daemon-reload
  undo_by mv "$resolver.before-ziti-glb" "$resolver"
  mv "$resolver" "$resolver.before-ziti-glb"
  quietly systemctl daemon-reload
  ip address del "$address" dev lo 2>>"$log" || true
}

# A program that was exchanged goes on running as it was, and with the options it had.
serve_health() {
  local unit="ziti-glb-health@$SSM_HealthPort.service" start=start
  systemctl --quiet is-active "$unit" || undo_by in_time systemctl disable --now "$unit"
  if [ "$changed" = package ]; then start=restart; fi
  if replace "$health_settings" <<<"HEALTH=\"$SSM_HealthOptions\""; then start=restart; fi
  if [ $start = restart ]; then undo_last_by in_time systemctl try-restart "$unit"; fi
  quietly systemctl enable "$unit"
  quietly systemctl $start "$unit"
}

# A router may have no service yet: 2.
is_well() { timeout "$(left 10)" "$program" health >/dev/null || [ $? = 2 ]; }

is_attached() { "$program" status | has_line "^attached .*\b$interface\b"; }

install_own() {
  local attach="$interface" prefix file diverter=$program options changed='' restarts=''
  [ -e /sys/fs/bpf ] || fail "this kernel has no BPF file system"
  for prefix in $SSM_Sources; do attach+=" --from $prefix"; done
  # The range is routed straight to this router, without GENEVE.
  [ -z "$SSM_Range" ] || attach+=" --plain $SSM_Range"
  attach+=" --reply $SSM_Reply"
  file=$(find_configuration)
  options=("mode=tproxy:$program")
  if [ -n "$SSM_Range" ]; then
    options+=("resolver=udp://$SSM_Resolver:53" "dnsSvcIpRange=$SSM_Range")
  elif [ -f "$resolver" ]; then
    options+=(resolver= dnsSvcIpRange=)
  fi
  # The diverter refuses its options before anything is another.
  if ! has_package; then
    download_package
    diverter=$work/package/usr/sbin/diverter
  fi
  "$diverter" configure "$file" "${options[@]}" >"$work/config.yml" 2>"$work/said" || fail "$(sed '1s/^diverter: //' "$work/said")"
  [ -z "$router_port" ] || "$diverter" configure "$file" "--$asked_by" "$router_port" 2>"$work/said" ||
    fail "$(sed '1s/^diverter: //' "$work/said")"

  # ziti-router's start reads the settings, for which they are no reason.
  replace "$router_settings" <<<"TUNE=$SSM_TuneRouter" || true
  if replace "$settings" <<<"ATTACH=\"$attach\""; then
    changed=settings
    # The settings are back by then, and who reads them.
    undo_last_by attach_again
  fi
  if [ "$diverter" != "$program" ]; then
    install_package
    changed=package
  fi
  if [ -n "$changed" ] || ! is_attached; then
    quietly systemctl reload-or-restart "$package"
  fi
  is_attached || fail "the diverter is not attached to $interface: $("$program" status 2>&1 | head -n 1)"
  # A mark that is there already is of an install that was killed before ziti-router had read what it wrote.
  if [ -e "$unread" ]; then
    restarts=yes
  else
    marked=yes
    : >"$unread"
  fi
  if [ -n "$SSM_Range" ] && bind_resolver; then restarts=yes; fi
  if replace "$file" <"$work/config.yml"; then restarts=yes; fi
  # The resolver's drop-in goes last: it tells that the options are ours to take away.
  if [ -z "$SSM_Range" ] && [ -f "$resolver" ]; then
    release_resolver
    restarts=yes
  fi
  # Names get other addresses with each start of ziti-router: never for the diverter alone.
  is_equipped || restarts=yes
  if [ -n "$restarts" ]; then
    # The program that is back needs another start.
    undo_last_by in_time systemctl restart ziti-router
    quietly systemctl restart ziti-router
    patience=60
  fi
  try_as_router
  rm -f "$unread"
  if [ -n "$SSM_HealthPort" ]; then serve_health; fi
  until_true "$patience" is_well || fail "the diverter says: $("$program" health 2>&1)"
}
attach_again() { [ ! -x "$program" ] || in_time systemctl reload-or-restart "$package"; }

# ---- The image's own tools, of NetFoundry

at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }
version_in() { grep -Eo '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1; }
# NetFoundry's tools are aliases of a login, whose greeting asks the internet for this router's address unless it is hushed.
tool() {
  touch "$kept/.hushnet" "$kept/.hushlogin"
  HOME=$kept in_time bash -ilc "$*" </dev/null 9>&-
}
is_enabled() { tool diverter-status 2>/dev/null | has_line "\b$interface\b"; }

install_netfoundry() {
  local release ziti said
  release=$(version_in </etc/nfrelease 2>/dev/null) || true
  [ -n "$release" ] || fail "this is no image of NetFoundry: it has no /etc/nfrelease"
  at_least 2.1.20230614 "$release" || fail "the image of NetFoundry is $release, and 2.1.20230614 or later is needed"
  ziti=$(/opt/netfoundry/ziti/ziti --version 2>/dev/null | version_in) || true
  at_least 0.27.3 "${ziti:-0}" ||
    fail "OpenZiti is ${ziti:-not there}, and 0.27.3 or later (CloudZiti 7.3.83) is needed: upgrade the router in its console"

  if ! is_enabled; then
    undo_by tool diverter-disable
    # diverter-update ends with the diverter's version, which it does not tell before it is enabled.
    said=$(tool diverter-update 2>&1) || [[ $said == *"Not enough privileges or ebpf not enabled!"* ]] ||
      fail "diverter-update failed: $(tail -n 1 <<<"$said")"
    said=$(tool diverter-enable 2>&1) || [[ $said == *"Successfully converted ziti-router.service. Restarting!"* ]] ||
      fail "diverter-enable failed: $(tail -n 1 <<<"$said")"
    patience=60
    until_true "$patience" is_enabled || fail "the diverter is not on $interface: $(tail -n 1 <<<"$said")"
  fi
  [ -z "$SSM_Range" ] || register_range
}

# The key is read here, by the router's own role, so that it is in no command, and what the tool says of it is struck out.
register_range() {
  local key name done="$kept/registered"
  [ -n "$SSM_RegistrationKey" ] || fail "the stack has no registrationKey, which DNS ranges need on images of NetFoundry"
  [ "$(cat "$done" 2>/dev/null)" != "$SSM_Range" ] || return 0
  patience=60
  name=${SSM_RegistrationKey//\{instanceId\}/${AWS_SSM_INSTANCE_ID:-}}
  command -v aws >/dev/null || fail "the AWS command line is needed to read $name"
  case $name in
    arn:*:secretsmanager:*) key=$(in_time aws secretsmanager get-secret-value --secret-id "$name" --query SecretString --output text 2>>"$log") ;;
    *) key=$(in_time aws ssm get-parameter --with-decryption --name "$name" --query Parameter.Value --output text 2>>"$log") ;;
  esac || fail "could not read $name: may this router's role do that? $(last_words)"
  quietly /opt/netfoundry/set-ip.sh -tp=static "-ip=$SSM_Resolver" -pr=32 -in=lo -f
  if ! in_time /opt/netfoundry/router-registration --dnsIPRange "$SSM_Range" --lanIf "$interface" --tunnel_ip "$SSM_Resolver" "$key" 2>&1 </dev/null 9>&- |
    while IFS= read -r said; do printf '%s\n' "${said//"$key"/***}"; done >>"$log"; then
    fail "router-registration failed: $(last_words)"
  fi
  echo "$SSM_Range" >"$done"
}

# ---- The install

# Two commands at once would race for all of this.
exec 9>/run/ziti-glb-install.lock
flock --wait "$(left 60)" 9 || fail "another install has held /run/ziti-glb-install.lock for a minute"
mkdir -p "$kept"
: >"$log"
chmod 600 "$log"
# An install that was killed leaves its folder.
rm -rf "$kept"/work.*
work=$(mktemp -d "$kept/work.XXXXXX")

interface=
for address in $SSM_Addresses; do
  interface=${interface:-$(ip -o -4 address show to "$address" | awk 'NR == 1 { print $2 }')}
done
[ -n "$interface" ] || fail "no interface carries any of $SSM_Addresses"

ssh_before=$(listens 22 && echo yes || true)
aws_before=$(reaches_aws && echo yes || true)

# A router that was started again takes its time; one that was not is there.
patience=10
"install_$SSM_Diverter"

until_true "$patience" serves || fail "ziti-router does not answer on https://127.0.0.1:$router_port/health-checks"
[ -z "$ssh_before" ] || listens 22 || fail "nobody listens for SSH any more"
[ -z "$aws_before" ] || until_true 20 reaches_aws || fail "AWS cannot be reached any more"

rm -f "$kept/former.deb" "$resolver.before-ziti-glb"

# ---- What may drop on the way what is well here

warn() { echo "warning: $*"; }

mtu=$(cat "/sys/class/net/$interface/mtu")
[ "$mtu" -ge 8568 ] || warn "the MTU of $interface is $mtu, and packets from the load balancer may have 8568 bytes"

others=$(ip -4 route show table main | grep -o 'dev [^ ]*' | sort -u | grep -vx "dev $interface\|dev lo" | cut -d ' ' -f 2 | tr '\n' ' ') || true
strict=$(cat "/proc/sys/net/ipv4/conf/all/rp_filter" "/proc/sys/net/ipv4/conf/$interface/rp_filter" | sort -n | tail -n 1)
[ "$strict" != 1 ] || [ -z "$others" ] || [ "$SSM_Reply" = geneve ] ||
  warn "rp_filter of $interface is 1, and clients to whom a route leads by another interface (${others% }) are dropped behind the diverter: sysctl -w net.ipv4.conf.$interface.rp_filter=2, and the same in /etc/sysctl.d"

rules=$({ nft list ruleset ip; nft list ruleset inet; iptables -S INPUT; } 2>/dev/null) || true
chains=$(awk '/^table/ { table = $2 " " $3 } /^\tchain/ { chain = $2 } /hook input .*policy drop/ { print table " " chain }
  /^-P INPUT DROP/ { print "ip filter INPUT" }' <<<"$rules" | sort -u | paste -sd ,)
[ -z "$chains" ] || [[ $rules == *transparent* ]] ||
  warn "the firewall drops what comes in and is not allowed to (${chains//,/, }), what the diverter has delivered too: nft insert rule ${chains%%,*} socket transparent 1 accept, or with ufw, in /etc/ufw/before.rules, -A ufw-before-input -m socket --transparent -j ACCEPT"
