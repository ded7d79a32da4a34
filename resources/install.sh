#!/bin/bash
# Runs on a router, as root, by SSM Run Command. Puts the diverter there and has it divert; run twice, it changes nothing.
# What worked before works after, or all that was done is undone.
set -euo pipefail
export HOME=/root DEBIAN_FRONTEND=noninteractive

# Agents before 3.3.2746 do not export parameters. The pasted form is safe: each has an allowedPattern without quotes.
if [ -z "${SSM_Diverter+x}" ]; then
  SSM_Diverter='{{ Diverter }}' SSM_Url='{{ Url }}' SSM_Sha256='{{ Sha256 }}' SSM_Addresses='{{ Addresses }}'
  SSM_Sources='{{ Sources }}' SSM_Reply='{{ Reply }}' SSM_Range='{{ Range }}' SSM_Resolver='{{ Resolver }}'
  SSM_HealthPort='{{ HealthPort }}' SSM_RegistrationKey='{{ RegistrationKey }}'
fi

package=ziti-glb-diverter
program=/usr/sbin/diverter
settings=/etc/default/ziti-glb-diverter
resolver=/etc/systemd/system/ziti-router.service.d/ziti-glb-resolver.conf
kept=/var/lib/ziti-glb
unread=$kept/unread
marked=''
log=/var/log/ziti-glb-install.log

# Of what is written here AWS keeps the first 2,500 characters: what tools say goes to the log.
fail() { echo "ziti-glb: $*" >&2; exit 1; }
last_words() { grep -v '^[[:space:]]*$' "$log" | tail -n 2 | tr '\n' ' '; }
quietly() { "$@" >>"$log" 2>&1 9>&- || fail "$1 failed: $(last_words)"; }

# ---- Undoing

undo=()
finish() {
  local status=$? i
  [ "$status" -eq 0 ] && return
  set +e
  for ((i = ${#undo[@]} - 1; i >= 0; i--)); do eval "${undo[i]}" >>"$log" 2>&1 9>&-; done
  # Of an install before this one, it says that there is something to make up for still.
  [ -z "$marked" ] || rm -f "$unread"
  [ "${#undo[@]}" -eq 0 ] || echo "ziti-glb: what this install had changed is undone" >&2
  exit "$status"
}
trap finish EXIT
trap 'exit 1' TERM INT

# replace FILE TEXT: says whether it had another one. Called in conditions, where nothing stops a script by itself; on a full disk
# every step may fail, and what there is must not be lost by it.
replace() {
  local new="$1.ziti-glb-new" backup="$1.before-ziti-glb"
  if printf '%s\n' "$2" | cmp -s - "$1"; then return 1; fi
  (umask 077 && printf '%s\n' "$2" >"$new") 2>>"$log" || unwritten "$1"
  if [ -f "$1" ]; then
    cp -p "$1" "$backup" 2>>"$log" && cmp -s "$1" "$backup" || { rm -f "$backup"; unwritten "$1"; }
    chmod --reference="$1" "$new" && chown --reference="$1" "$new" || unwritten "$1"
    undo+=("mv '$backup' '$1'")
  else
    chmod 644 "$new" || unwritten "$1"
    undo+=("rm -f '$1'")
  fi
  mv "$new" "$1" || unwritten "$1"
}
unwritten() {
  rm -f "$1.ziti-glb-new"
  fail "$1 could not be written, is the disk full? $(last_words)"
}

# ---- What must go on working

listens() { [ -n "$(ss -Hltn "sport = :$1")" ]; }
serves() { curl --silent --insecure --fail --max-time 3 --output /dev/null https://127.0.0.1:8081/health-checks; }
# A road to AWS, on which the agent's connections come and go too. Any answer will do.
reaches_aws() {
  local region=${AWS_SSM_REGION_NAME:-} suffix=amazonaws.com
  case $region in cn-*) suffix=amazonaws.com.cn ;; esac
  local url=${SSM_Url:-https://ssm.$region.$suffix/}
  curl --silent --insecure --max-time 5 --output /dev/null "${url%%\?*}"
}
# Unlike grep -q it reads on to the end: who writes to it is not ended by SIGPIPE, which pipefail would take for a no.
has_line() { [ -n "$(grep "$1")" ]; }
until_true() { local end=$((SECONDS + $1)); shift; until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.5; done; }

# ---- ziti-router's configuration

find_configuration() {
  local file
  # NetFoundry's images; OpenZiti's packages.
  for file in /opt/netfoundry/ziti/ziti-router/config.yml /var/lib/ziti-router/config.yml; do
    if [ -f "$file" ]; then readlink -f "$file"; return; fi
  done
  fail "no configuration of ziti-router is where NetFoundry's images and OpenZiti's packages have it: is it enrolled?"
}

# set_options FILE KEY VALUE...: the file with these options of its tunnel listener, without those whose value is empty; comments
# and all else as they were.
set_options() {
  local file=$1
  shift
  printf '%s\n' "$@" | awk -v file="$file" '
    function indent(text) { match(text, /^ */); return RLENGTH }
    function body(text) { sub(/^ *(- +)?/, "", text); return text }
    function column(text) { return length(text) - length(body(text)) }
    function blank(text) { return text ~ /^ *(#.*)?$/ }
    # The last line of the block that begins at line i, at column c.
    function last(i, c,   j, end) {
      for (end = j = i; ++j <= count; ) {
        if (blank(line[j])) continue
        if (indent(line[j]) < c) break
        if (indent(line[j]) == c && line[j] ~ /^ *- /) break
        end = j
      }
      return end
    }
    NR % 2 { key = $0; next }
    { keys[++wanted] = key; value[key] = $0 }
    END {
      while ((getline text < file) > 0) line[++count] = text
      for (i = 1; i <= count; i++) if (line[i] ~ /^listeners:/) top = i
      for (i = top + 1; top && i <= count && !options; i++) {
        if (!blank(line[i]) && indent(line[i]) == 0 && line[i] !~ /^-/) break
        if (line[i] !~ /^ *- /) continue
        c = column(line[i]); end = i
        for (j = i + 1; j <= count; j++) {
          if (blank(line[j])) continue
          if (indent(line[j]) < c) break
          end = j
        }
        tunnel = 0; found = 0
        for (j = i; j <= end; j++) {
          if (column(line[j]) != c) continue
          if (body(line[j]) ~ /^binding: *"?tunnel"?( |$)/) tunnel = 1
          if (body(line[j]) ~ /^options: *(#.*)?$/) found = j
        }
        if (!tunnel) continue
        if (!found) { line[end] = line[end] "\n" sprintf("%" c "s", "") "options:"; found = end; none = 1 }
        options = found; stop = end
      }
      if (!options) exit 3
      depth = c + 2
      if (!none) for (j = options + 1; j <= stop; j++) if (!blank(line[j])) { if (indent(line[j]) > c) depth = indent(line[j]); break }
      for (j = options + 1; !none && j <= stop; j++) {
        if (blank(line[j])) continue
        if (indent(line[j]) <= c) break
        if (indent(line[j]) != depth) continue
        key = body(line[j]); sub(/:.*/, "", key)
        if (!(key in value)) continue
        if (value[key] == "") { gone[j]; continue }
        comment = match(line[j], / +#.*$/) ? substr(line[j], RSTART) : ""
        line[j] = substr(line[j], 1, depth) key ": " value[key] comment
        delete value[key]
      }
      for (k = 1; k <= wanted; k++)
        if (value[keys[k]] != "") line[options] = line[options] "\n" sprintf("%" depth "s", "") keys[k] ": " value[keys[k]]
      for (i = 1; i <= count; i++) if (!(i in gone)) print line[i]
    }'
}

# ---- Our own diverter

# A package is kept once it is installed, and none while one is being installed.
has_package() {
  echo "$SSM_Sha256  $kept/diverter.deb" | sha256sum --check --status 2>/dev/null && [ -x "$program" ] &&
    [[ $(dpkg-query --show --showformat '${Status} ${Version}' "$package" 2>/dev/null) == \
      *" ok installed $(dpkg-deb --field "$kept/diverter.deb" Version)" ]]
}

# At its launch a machine may be upgrading itself, and dpkg has no option to wait for its lock.
dpkg_alone() {
  local end=$((SECONDS + 60)) said
  until said=$(LC_ALL=C dpkg "$@" 2>&1 9>&-); do
    printf '%s\n' "$said" >>"$log"
    [[ $said == *"locked by another process"* ]] && [ $SECONDS -lt $end ] || return 1
    sleep 1
  done
  printf '%s\n' "$said" >>"$log"
}

install_package() {
  local download="$kept/download.deb" former="$kept/former.deb"
  command -v dpkg >/dev/null || fail "this image has no dpkg: the diverter comes as a package for Debian and Ubuntu"
  mkdir -p "$kept"
  curl --fail --silent --show-error --connect-timeout 10 --retry 2 --max-time 60 --output "$download" "$SSM_Url" 2>>"$log" ||
    { rm -f "$download"; fail "could not download the diverter: can this router reach S3? $(last_words)"; }
  if ! echo "$SSM_Sha256  $download" | sha256sum --check --status; then
    rm "$download"
    fail "the download is not the diverter this stack was deployed with: its SHA-256 is another one"
  fi
  # There already, it is of an install that was killed here.
  [ ! -f "$kept/diverter.deb" ] || mv "$kept/diverter.deb" "$former"
  if [ -f "$former" ]; then
    undo+=("dpkg_alone --install '$former' && mv '$former' '$kept/diverter.deb'")
  else
    undo+=("dpkg_alone --purge $package")
  fi
  undo+=("rm -f '$download' '$kept/diverter.deb'")
  dpkg_alone --install "$download" || fail "dpkg failed: $(last_words)"
  mv "$download" "$kept/diverter.deb"
}

# Clients ask for names at an address that all routers share: it has to be this machine's before ziti-router starts, and what
# is sent to it is for ziti-router's own socket. By its name this comes after the package's drop-in, and its flush.
bind_resolver() {
  local rule="-c $SSM_Resolver -m 32 -l 53 -h 53 -t 0 -s resolver"
  mkdir -p "${resolver%/*}"
  undo+=("systemctl daemon-reload")
  replace "$resolver" "[Service]
ExecStartPre=-+/sbin/ip address replace $SSM_Resolver/32 dev lo
ExecStartPre=-+$program -I $rule -p udp
ExecStartPre=-+$program -I $rule -p tcp" || return 1
  quietly systemctl daemon-reload
}

# Its rule goes when ziti-router is started again, and its address comes back then if this is undone.
release_resolver() {
  local address
  address=$(sed -n 's|.* address replace \([^ ]*\) dev lo$|\1|p' "$resolver")
  undo+=("systemctl daemon-reload" "mv '$resolver.before-ziti-glb' '$resolver'")
  mv "$resolver" "$resolver.before-ziti-glb"
  quietly systemctl daemon-reload
  ip address del "$address" dev lo 2>>"$log" || true
}

# A router may have no service yet: 2.
is_well() { "$program" health >/dev/null || [ $? = 2 ]; }

is_attached() { "$program" status | has_line "^attached .*\b$interface\b"; }

install_own() {
  local attach="$interface" prefix file changed='' restarts=''
  [ -e /sys/fs/bpf ] || fail "this kernel has no BPF file system"
  for prefix in $SSM_Sources; do attach+=" --from $prefix"; done
  # It is routed straight to this router, without GENEVE.
  [ -z "$SSM_Range" ] || attach+=" --plain $SSM_Range"
  attach+=" --reply $SSM_Reply"
  file=$(find_configuration)
  options=(mode "tproxy:$program")
  if [ -n "$SSM_Range" ]; then
    options+=(resolver "udp://$SSM_Resolver:53" dnsSvcIpRange "$SSM_Range")
  elif [ -f "$resolver" ]; then
    options+=(resolver '' dnsSvcIpRange '')
  fi
  configured=$(set_options "$file" "${options[@]}") || fail "$file has no tunnel listener: the router must be enrolled with tunneling"

  if replace "$settings" "ATTACH=\"$attach\""; then
    changed=settings
    # What is undone last stands first: by then the settings are back, and who reads them.
    undo=("[ ! -x $program ] || systemctl reload-or-restart $package" "${undo[@]}")
  fi
  if ! has_package; then
    install_package
    changed=package
  fi
  if [ -n "$changed" ] || ! is_attached; then
    quietly systemctl reload-or-restart "$package"
  fi
  is_attached || fail "the diverter is not attached to $interface: $("$program" status 2>&1 | head -n 1)"
  # There already, it is of an install that was killed before ziti-router had read what it wrote.
  if [ -e "$unread" ]; then
    restarts=yes
  else
    marked=yes
    : >"$unread"
  fi
  if [ -n "$SSM_Range" ] && bind_resolver; then restarts=yes; fi
  if replace "$file" "$configured"; then restarts=yes; fi
  # Last: it tells that the options are ours to take away.
  if [ -z "$SSM_Range" ] && [ -f "$resolver" ]; then
    release_resolver
    restarts=yes
  fi
  if [ -n "$restarts" ]; then
    # As above.
    undo=("systemctl restart ziti-router" "${undo[@]}")
    quietly systemctl restart ziti-router
    patience=60
  fi
  rm -f "$unread"
  if [ -n "$SSM_HealthPort" ]; then quietly systemctl enable --now "ziti-glb-health@$SSM_HealthPort"; fi
  until_true "$patience" is_well || fail "the diverter says: $("$program" health 2>&1)"
}

# ---- The image's own tools, of NetFoundry

at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }
version_in() { grep -Eo '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1; }
# They are aliases of a login, whose greeting asks the internet for this router's address unless it is hushed.
tool() {
  mkdir -p "$kept"
  touch "$kept/.hushnet" "$kept/.hushlogin"
  HOME=$kept bash -ilc "$*" </dev/null 9>&-
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
    undo+=("tool diverter-disable")
    # It ends with the diverter's version, which it does not tell before it is enabled.
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
    arn:*:secretsmanager:*) key=$(aws secretsmanager get-secret-value --secret-id "$name" --query SecretString --output text 2>>"$log") ;;
    *) key=$(aws ssm get-parameter --with-decryption --name "$name" --query Parameter.Value --output text 2>>"$log") ;;
  esac || fail "could not read $name: may this router's role do that? $(last_words)"
  quietly /opt/netfoundry/set-ip.sh -tp=static "-ip=$SSM_Resolver" -pr=32 -in=lo -f
  if ! /opt/netfoundry/router-registration --dnsIPRange "$SSM_Range" --lanIf "$interface" --tunnel_ip "$SSM_Resolver" "$key" 2>&1 </dev/null 9>&- |
    while IFS= read -r said; do printf '%s\n' "${said//"$key"/***}"; done >>"$log"; then
    fail "router-registration failed: $(last_words)"
  fi
  mkdir -p "$kept"
  echo "$SSM_Range" >"$done"
}

# ---- The install

# Two commands at once would race for all of this.
exec 9>/run/ziti-glb-install.lock
flock --wait 60 9 || fail "another install has held /run/ziti-glb-install.lock for a minute"
: >"$log"
chmod 600 "$log"

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

until_true "$patience" serves || fail "ziti-router does not answer on https://127.0.0.1:8081/health-checks"
[ -z "$ssh_before" ] || listens 22 || fail "nobody listens for SSH any more"
[ -z "$aws_before" ] || until_true 20 reaches_aws || fail "AWS cannot be reached any more"

rm -f "$kept/former.deb" "$resolver.before-ziti-glb"
mtu=$(cat "/sys/class/net/$interface/mtu")
[ "$mtu" -ge 8568 ] || echo "warning: the MTU of $interface is $mtu, and packets from the load balancer may have 8568 bytes"
