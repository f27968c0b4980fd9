//! Every rule of ssh_config(5) by an example, with OpenSSH's answer.

use crate::oracle::Oracle;

/// Configurations, each asked about a few hosts.
const CASES: &[&str] = &[
    "",
    "Port 2222\nPort 2223\nUser me\n",
    "  port = 2222\r\n\tUSER=me\n\"Hostname\" there\n# comment\nHost *\nCompression yes # comment\n",
    "Host work\n Port 1\nHost w* !work\n Port 2\nHost *\n Port 3\n",
    "Host !work *\n Port 2\nHost \"work\" other\n Port 4\n",
    "Host WORK\n Port 2\nHost wor?\n Port 4\n",
    "Host work other # comment\n User a\nHost * # comment\n User b\n",
    "Hostname %h.example.com\nMatch host work.example.com\n Port 1\nMatch originalhost work\n User o\nMatch host *\n Port 9\n",
    "Hostname a%%%h\n",
    "Hostname %n\n",
    "Match all\n Port 7\n",
    "Match final all\n Port 7\nHost other.x\n Port 8\nHost work\n Hostname Other.X\n",
    "Match canonical\n Port 7\n",
    "Match final\n User f\nMatch canonical host work\n Port 7\nIdentityFile a\nSendEnv A B\nMatch !final\n Port 8\n",
    "User you\nMatch user you,me\n Port 5\nMatch user !you,*\n Port 6\n",
    "User You\nMatch user you\n Port 5\n",
    "Match localuser root\n Port 5\nMatch !localuser root\n Port 6\n",
    "Match host=work user=\"x\"\n Port 5\nMatch host work originalhost *\n User x\n",
    "Match host work exec \"true\"\n Port 5\n",
    "Match exec \"test %h = work -a %p = 22 -a %n = work -a %r = %u\"\n Port 5\nMatch exec \"false\"\n User x\nMatch !exec \"false\"\n BatchMode yes\n",
    "Match exec \"test %% = '%%' && test -n %C%L%l%d%i%k\"\n Port 5\n",
    "Match exec \"%T\"\n Port 5\n",
    "Match host work exec false\n Port 5\nMatch host nobody exec \"%q\"\n Port 6\n",
    "Match\n Port 5\n",
    "Match all host work\n",
    "Match host\n",
    "Match frobnicate x\n",
    "Match host \"work\n",
    "Frobnicate yes\n",
    "IgnoreUnknown Frob*,x\nFrobnicate yes a b c\nX y\n",
    "Frobnicate yes\nIgnoreUnknown Frob*\n",
    "IgnoreUnknown frob*\nHost *\nIgnoreUnknown x\nFROBNICATE yes\nx y\n",
    "Host nobody\n Frobnicate yes\n",
    "Host nobody\n Port x\n",
    "Port\n",
    "Port 22 23\n",
    "Port 0\n",
    "Port 65536\n",
    "User \"a b\"\n",
    "User a' b'\\\"c\n",
    "User \"a\n",
    "Protocol 2\nUseRoaming no\nRhostsRSAAuthentication yes\nCipher x y z\n",
    "IdentityFile ~/.ssh/a\nIdentityFile \"%d/b c\"\nHost work\nIdentityFile ~/.ssh/a\nIdentityFile none\n",
    "CertificateFile a\nCertificateFile b\nCertificateFile a\n",
    "SendEnv A B\nSendEnv LC_* C\nSendEnv -LC_* -B\nSetEnv X=1 Y=\"a b\" X=2\nSetEnv Z=3\n",
    "SendEnv A=b\n",
    "SetEnv A\n",
    "UserKnownHostsFile ~/a \"%d/b c\" ${HOME}/%n.%k\nGlobalKnownHostsFile none\n",
    "UserKnownHostsFile none a\n",
    "GlobalKnownHostsFile ~/a ~root/b %d/c ${HOME}/d /e\n",
    "UserKnownHostsFile ${SANSSH_GONE}/a\n",
    "UserKnownHostsFile ~/.ssh/known_hosts\n",
    "VerifyHostKeyDNS ask\n",
    "HostKeyAlias ALIAS\nUserKnownHostsFile %k %C %r@%h:%p %u %i %L %l\n",
    "LocalForward 8080 host:80\nLocalForward [::1]:8081 [fe80::1]:81\nLocalForward *:1 a:2\nLocalForward /a/b c:3\nLocalForward 5 /x/%h\nLocalForward 8080 host:80\n",
    "RemoteForward 0 a:1\nRemoteForward 8080\nRemoteForward a:1 /x\nRemoteForward /y\nDynamicForward 1080\nDynamicForward [::1]:1081\nDynamicForward *:1082\n",
    "LocalForward 8080\n",
    "LocalForward 8080 host\n",
    "LocalForward x host:1\n",
    "DynamicForward 0\n",
    "LocalForward 1 a:1\nRemoteForward 2 b:2\nDynamicForward 3\nClearAllForwardings yes\nTunnel yes\n",
    "ProxyJump a\nProxyCommand b\n",
    "ProxyCommand nc -x %h %p  # not a comment\nProxyJump a\n",
    "ProxyCommand=none\nProxyJump a\n",
    "ProxyJump none\nProxyCommand b\n",
    "ProxyJump me@gate:22,10.0.0.1:23\n",
    "ProxyJump gate,[::1]:22\n",
    "ProxyJump me@gate:x\n",
    "Ciphers aes256-ctr,aes128-ctr,aes256-ctr\nMACs hmac-sha2-512\nKexAlgorithms curve25519-sha256\n",
    "Ciphers +aes128-cbc,aes128-ctr\nMACs -*etm*\nKexAlgorithms ^diffie-hellman-group14-sha256\n",
    "Ciphers -chacha*,aes128-*\nHostKeyAlgorithms +ssh-rsa\nPubkeyAcceptedAlgorithms -ssh-ed25519*\n",
    "HostKeyAlgorithms ssh-ed25519,ssh-dss\nCASignatureAlgorithms ^rsa-sha2-256\nPubkeyAcceptedKeyTypes ^rsa-sha2-512\n",
    "Ciphers rot13\n",
    "Ciphers aes128-ctr,\n",
    "MACs hmac-md5,hmac-sha2-256\n",
    "RekeyLimit 1G 1h\n",
    "RekeyLimit default none\nRekeyLimit 1M 10\n",
    "RekeyLimit 512K\nRekeyLimit 1M 10\n",
    "RekeyLimit 15\n",
    "RekeyLimit 99999999999999999G\n",
    "RekeyLimit 1G 99999999999w\n",
    "ConnectTimeout 1h30m5\nServerAliveInterval 2M\nForwardX11Timeout none\n",
    "ConnectTimeout none\nServerAliveInterval 99999999999999\n",
    "ConnectTimeout 1y\n",
    "ConnectTimeout -1\n",
    "ConnectTimeout 2147483648\n",
    "ConnectionAttempts 5\nNumberOfPasswordPrompts 1\nServerAliveCountMax 9\nCanonicalizeMaxDots 2\n",
    "ConnectionAttempts 0\n",
    "NumberOfPasswordPrompts 99999999999\n",
    "StrictHostKeyChecking OFF\nCheckHostIP TRUE\nAddressFamily inet6\n",
    "StrictHostKeyChecking accept-new\nCompression no\nUpdateHostKeys ask\n",
    "StrictHostKeyChecking maybe\n",
    "Compression true\n",
    "BatchMode perhaps\n",
    "RequestTTY force\nSessionType none\nStdinNull yes\nForkAfterAuthentication no\nPubkeyAuthentication host-bound\n",
    "AddKeysToAgent confirm 1h\n",
    "AddKeysToAgent ask\n",
    "AddKeysToAgent 5m\n",
    "AddKeysToAgent yes 5m\n",
    "ForwardAgent yes\n",
    "ForwardAgent ~/../%u\n",
    "ForwardAgent $HOME\n",
    "IdentityAgent SSH_AUTH_SOCK\n",
    "IdentityAgent ~/agent-%u\nIdentitiesOnly yes\n",
    "IdentityAgent ${SANSSH_GONE}\n",
    "IdentityAgent $A-B\n",
    "ControlMaster autoask\nControlPath ~/c-%C\nControlPersist 10m\n",
    "ControlMaster yes\nControlPath none\nControlPersist yes\n",
    "EscapeChar ^]\n",
    "EscapeChar none\n",
    "EscapeChar xx\n",
    "IPQoS af21 cs1\n",
    "IPQoS 0x20\n",
    "IPQoS le none\n",
    "IPQoS fast\n",
    "StreamLocalBindMask 0022\nStreamLocalBindUnlink yes\nSyslogFacility local3\nLogLevel debug2\n",
    "StreamLocalBindMask 999\n",
    "LogLevel LOUD\n",
    "Tunnel point-to-point\nTunnelDevice 1:any\n",
    "TunnelDevice x\n",
    "PermitRemoteOpen a:1 b:* [::1]:2\n",
    "PermitRemoteOpen none\n",
    "PermitRemoteOpen a\n",
    "CanonicalDomains a.x b.y\n",
    "CanonicalizePermittedCNAMEs a\n",
    "RemoteCommand echo %n \"%r\" 'a  b' # all\nLocalCommand x %h\nPermitLocalCommand yes\n",
    "RemoteCommand %z\n",
    "KnownHostsCommand /bin/x %H\nPKCS11Provider none\nSecurityKeyProvider /x\nXAuthLocation /y\nRevokedHostKeys none\n",
    "BindAddress 127.0.0.1\nBindInterface lo\nPreferredAuthentications publickey,password\nKbdInteractiveDevices pam\n",
    "GSSAPIAuthentication yes\nGSSAPIDelegateCredentials yes\nGSSAPIServerIdentity x\nHostbasedAuthentication yes\n",
    "ChallengeResponseAuthentication no\nDSAAuthentication no\nKeepAlive no\nIdentityFile2 x\nHostbasedKeyTypes ssh-rsa\n",
    "RequiredRSASize 4096\nFingerprintHash md5\nForwardX11 yes\nForwardX11Trusted no\nGatewayPorts yes\nHashKnownHosts yes\n",
    "LogVerbose kex.c:*:1000\nVisualHostKey yes\nTCPKeepAlive no\nNoHostAuthenticationForLocalhost yes\nProxyUseFdpass yes\n",
    "Include DIR/inner\nPort 9\n",
    "Host work\nInclude DIR/inner\nPort 9\nHost *\nPort 10\n",
    "Host nobody\nInclude DIR/inner\nHost *\nPort 9\n",
    "Include DIR/d/*.conf DIR/none DIR/d/[xy]\nUser last\n",
    "Include \"DIR/with blank\"\n",
    "Include DIR/nested\nPort 9\n",
    "Include DIR/broken\n",
    "Host nobody\nInclude DIR/broken\n",
    "Include sanssh-no-such-file ~/sanssh-no-such-file ~root/sanssh-no-such-file\n",
];

fn oracle() -> Option<Oracle> {
    let oracle = Oracle::find()?;
    oracle.write("inner", "Host work\n Port 3\n User inner\nHost other\n Port 4\n");
    oracle.write("d/b.conf", "Port 5\nSendEnv B\n");
    oracle.write("d/a.conf", "User a\nSendEnv A\n");
    oracle.write("d/.hidden.conf", "Port 6\n");
    oracle.write("d/x", "BatchMode yes\n");
    oracle.write("with blank", "User blank\n");
    oracle.write(
        "nested",
        "Host work\n Include DIR/inner\nHost other\n Include DIR/d/*.conf\nMatch final\n BindAddress 1.2.3.4\n",
    );
    oracle.write("broken", "Frobnicate yes\n");
    Some(oracle)
}

#[test]
fn every_rule_is_openssh_s() {
    let Some(oracle) = oracle() else { return };
    for text in CASES {
        for host in ["work", "other", "WORK.x", "10.0.0.1", "::1"] {
            oracle.agrees(text, &[], host);
        }
    }
}

#[test]
fn what_is_given_comes_first() {
    let Some(oracle) = oracle() else { return };
    let text = "Port 1\nUser file\nProxyJump a\nSendEnv A\nIdentityFile a\nMatch user given\n BatchMode yes\n";
    for options in [
        &["Port=2", "Port=3"][..],
        &["Port 2", "User = given"],
        &["port\t=\t2", "User=\"given\""],
        &["ProxyCommand=x %h", "SendEnv=-A B", "IdentityFile=b"],
        &["ProxyCommand=none"],
        &["SetEnv=A=b C=\"d e\"", "RekeyLimit=1M 1h"],
        &["Port=x"],
        &["Host=a"],
        &["Match all"],
        &["Include=a"],
        &["Frobnicate=yes"],
        &["IgnoreUnknown=Frob*", "Frobnicate=yes"],
        &["Port"],
        &["LocalForward=1 a:2", "ClearAllForwardings=no"],
        &["Ciphers=+3des-cbc"],
    ] {
        oracle.agrees(text, options, "work");
    }
}
