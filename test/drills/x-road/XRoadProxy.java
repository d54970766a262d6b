import ee.ria.xroad.common.SystemProperties;
import ee.ria.xroad.common.conf.InternalSSLKey;
import ee.ria.xroad.common.crypto.identifier.DigestAlgorithm;
import ee.ria.xroad.common.crypto.identifier.SignAlgorithm;
import ee.ria.xroad.common.crypto.identifier.SignMechanism;
import ee.ria.xroad.common.identifier.ClientId;
import ee.ria.xroad.common.identifier.SecurityServerId;
import ee.ria.xroad.common.identifier.ServiceId;
import ee.ria.xroad.common.signature.SignatureData;
import ee.ria.xroad.common.signature.SigningRequest;
import ee.ria.xroad.common.util.CryptoUtils;
import ee.ria.xroad.common.util.JobManager;

import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.bouncycastle.cert.ocsp.CertificateID;
import org.bouncycastle.cert.ocsp.OCSPReqBuilder;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.niis.xroad.globalconf.GlobalConfProvider;
import org.niis.xroad.globalconf.impl.FileSystemGlobalConfSource;
import org.niis.xroad.globalconf.impl.GlobalConfImpl;
import org.niis.xroad.globalconf.impl.cert.CertChainFactory;
import org.niis.xroad.globalconf.impl.cert.CertHelper;
import org.niis.xroad.keyconf.KeyConfProvider;
import org.niis.xroad.keyconf.SigningInfo;
import org.niis.xroad.keyconf.dto.AuthKey;
import org.niis.xroad.proxy.core.clientproxy.AuthTrustVerifier;
import org.niis.xroad.proxy.core.clientproxy.ClientProxy;
import org.niis.xroad.proxy.core.conf.SigningCtxImpl;
import org.niis.xroad.proxy.core.messagelog.MessageLog;
import org.niis.xroad.proxy.core.opmonitoring.OpMonitoring;
import org.niis.xroad.proxy.core.serverproxy.ServerProxy;
import org.niis.xroad.proxy.core.signature.SignatureCtx;
import org.niis.xroad.proxy.core.signedmessage.SigningKey;
import org.niis.xroad.proxy.core.util.CertHashBasedOcspResponder;
import org.niis.xroad.proxy.core.util.CommonBeanProxy;
import org.niis.xroad.serverconf.IsAuthentication;
import org.niis.xroad.serverconf.model.Client;
import org.niis.xroad.serverconf.model.DescriptionType;
import org.niis.xroad.test.serverconf.EmptyServerConf;

import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The proxy of an X-Road security server: its client proxy, server proxy and OCSP responder as X-Road wrote them, with its TLS and HTTP.
 * What an X-Road server has beside its proxy is here in its place: keys lie in files where X-Road has a signer, rights and services come
 * from settings where it has a database, OCSP responses are asked for when they are needed, and no message is logged.
 *
 * <p>The only argument is a file of properties. The program says READY when it serves, and ends with its standard input.
 */
public final class XRoadProxy {
    private static final long RELOAD_MS = 1000;

    private XRoadProxy() {
    }

    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        try (var in = Files.newInputStream(Path.of(args[0]))) {
            settings.load(in);
        }
        settings.stringPropertyNames().stream().filter(name -> name.startsWith("xroad."))
                .forEach(name -> System.setProperty(name, settings.getProperty(name)));
        org.apache.xml.security.Init.init();

        GlobalConfImpl globalConf = new GlobalConfImpl(new FileSystemGlobalConfSource(SystemProperties.getConfigurationPath()));
        globalConf.reload();
        Keys keys = new Keys(settings, globalConf);
        Agency agency = new Agency(settings, keys);
        CertHelper certHelper = new CertHelper(globalConf);
        CertChainFactory chains = new CertChainFactory(globalConf);
        CommonBeanProxy beans = new CommonBeanProxy(globalConf, agency, keys, keys::signingContext, chains, certHelper);
        OpMonitoring.init(agency);
        MessageLog.init(new JobManager(), globalConf, agency);

        CertHashBasedOcspResponder responder = new CertHashBasedOcspResponder(keys);
        responder.afterPropertiesSet();
        ServerProxy provider = new ServerProxy(beans);
        provider.afterPropertiesSet();
        ClientProxy consumer = new ClientProxy(beans, globalConf, keys, agency, new AuthTrustVerifier(keys, certHelper, chains));
        consumer.afterPropertiesSet();

        Thread reload = new Thread(() -> reloadForEver(globalConf));
        reload.setDaemon(true);
        reload.start();
        System.out.println("READY");
        while (System.in.read() >= 0) {
            continue;
        }
        Runtime.getRuntime().halt(0);
    }

    private static void reloadForEver(GlobalConfProvider globalConf) {
        while (true) {
            try {
                Thread.sleep(RELOAD_MS);
                globalConf.reload();
            } catch (Exception e) {
                System.err.println("The configuration was not read again: " + e);
            }
        }
    }

    /** The server's keys and certificates, in files, and the OCSP responses of its own and of others' certificates. */
    private static final class Keys implements KeyConfProvider {
        private static final long FRESH_MS = 60_000;

        private final String instance;
        private final ClientId member;
        private final PrivateKey signingKey;
        private final X509Certificate signing;
        private final PrivateKey authenticationKey;
        private final X509Certificate authentication;
        private final URI responder;
        private final GlobalConfProvider globalConf;
        private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        private final Map<String, OCSPResp> responses = new ConcurrentHashMap<>();
        private final Map<String, Long> askedAt = new ConcurrentHashMap<>();

        Keys(Properties settings, GlobalConfProvider globalConf) throws Exception {
            this.globalConf = globalConf;
            member = client(settings.getProperty("member"));
            instance = member.getXRoadInstance();
            signing = certificate(settings.getProperty("signing"));
            signingKey = key(settings.getProperty("signing"));
            authentication = certificate(settings.getProperty("authentication"));
            authenticationKey = key(settings.getProperty("authentication"));
            responder = URI.create(settings.getProperty("responder"));
        }

        InternalSSLKey internal() {
            return new InternalSSLKey(authenticationKey, new X509Certificate[]{authentication});
        }

        SigningCtxImpl signingContext(ClientId subject) {
            return new SigningCtxImpl(globalConf, this, member, new FileKey(signingKey), signing);
        }

        @Override
        public SigningInfo getSigningInfo(ClientId clientId) {
            throw new UnsupportedOperationException("a key in a file has no number");
        }

        @Override
        public AuthKey getAuthKey() {
            try {
                return new AuthKey(globalConf.getCertChain(instance, authentication), authenticationKey);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public OCSPResp getOcspResponse(X509Certificate cert) {
            try {
                String hash = CryptoUtils.calculateCertHexHash(cert);
                long now = System.currentTimeMillis();
                if (now - askedAt.getOrDefault(hash, 0L) > FRESH_MS) {
                    responses.put(hash, ask(cert));
                    askedAt.put(hash, now);
                }
                return responses.get(hash);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }

        /** What others ask for at port 5577, by the SHA-1 of the certificate as servers of 7.3 and before ask too, or by its SHA-256. */
        @Override
        public OCSPResp getOcspResponse(String certHash) {
            try {
                for (X509Certificate own : getAuthKey().certChain().getAllCertsWithoutTrustedRoot()) {
                    if (CryptoUtils.calculateCertSha1HexHash(own).equalsIgnoreCase(certHash)
                            || CryptoUtils.calculateCertHexHash(own).equalsIgnoreCase(certHash)) {
                        return getOcspResponse(own);
                    }
                }
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
            return responses.get(certHash);
        }

        @Override
        public List<OCSPResp> getOcspResponses(List<X509Certificate> certs) {
            List<OCSPResp> found = new ArrayList<>();
            certs.forEach(cert -> found.add(getOcspResponse(cert)));
            return found;
        }

        @Override
        public void setOcspResponses(List<X509Certificate> certs, List<OCSPResp> given) {
            try {
                for (int i = 0; i < certs.size(); i++) {
                    String hash = CryptoUtils.calculateCertHexHash(certs.get(i));
                    responses.put(hash, given.get(i));
                    askedAt.put(hash, System.currentTimeMillis());
                }
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }

        private OCSPResp ask(X509Certificate cert) throws Exception {
            X509Certificate issuer = globalConf.getCaCert(instance, cert);
            var digests = new JcaDigestCalculatorProviderBuilder().build();
            var id = new CertificateID(digests.get(CertificateID.HASH_SHA1), new JcaX509CertificateHolder(issuer), cert.getSerialNumber());
            byte[] request = new OCSPReqBuilder().addRequest(id).build().getEncoded();
            var call = HttpRequest.newBuilder(responder).header("Content-Type", "application/ocsp-request")
                    .POST(HttpRequest.BodyPublishers.ofByteArray(request)).build();
            HttpResponse<byte[]> answer = http.send(call, HttpResponse.BodyHandlers.ofByteArray());
            OCSPResp response = new OCSPResp(answer.body());
            if (response.getStatus() != OCSPResp.SUCCESSFUL) {
                throw new IllegalStateException("the OCSP responder said " + response.getStatus() + " of " + cert.getSubjectX500Principal());
            }
            return response;
        }

        private static X509Certificate certificate(String name) throws Exception {
            byte[] text = Files.readAllBytes(Path.of(name + ".crt"));
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(text));
        }

        private static PrivateKey key(String name) throws Exception {
            String text = Files.readString(Path.of(name + ".pem")).replaceAll("-----[^-]+-----|\\s", "");
            var spec = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text));
            return KeyFactory.getInstance(certificate(name).getPublicKey().getAlgorithm()).generatePrivate(spec);
        }
    }

    /** A signing key in a file: one signature for each message, as X-Road's signer makes it for a batch of one. */
    private record FileKey(PrivateKey key) implements SigningKey {
        @Override
        public SignatureData calculateSignature(SigningRequest request, DigestAlgorithm digest) {
            var mechanism = "RSA".equals(key.getAlgorithm()) ? SignMechanism.CKM_RSA_PKCS : SignMechanism.CKM_ECDSA;
            SignAlgorithm algorithm = SignAlgorithm.ofDigestAndMechanism(digest, mechanism);
            try {
                SignatureCtx context = new SignatureCtx(algorithm);
                context.add(request);
                Signature signature = Signature.getInstance(algorithm.name(), "BC");
                signature.initSign(key);
                signature.update(context.getDataToBeSigned());
                return context.createSignatureData(context.createSignatureXml(signature.sign()), 0);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /** What an X-Road server keeps in its database: who it is, its services, and that everybody may call them. */
    private static final class Agency extends EmptyServerConf {
        private final SecurityServerId.Conf server;
        private final String service;
        private final InternalSSLKey internal;

        Agency(Properties settings, Keys keys) {
            String[] codes = settings.getProperty("server").split("/");
            server = SecurityServerId.Conf.create(codes[0], codes[1], codes[2], codes[3]);
            service = settings.getProperty("service");
            internal = keys.internal();
        }

        @Override
        public SecurityServerId.Conf getIdentifier() {
            return server;
        }

        @Override
        public boolean serviceExists(ServiceId id) {
            return !id.getServiceCode().startsWith("missing");
        }

        @Override
        public boolean isQueryAllowed(ClientId sender, ServiceId id, String method, String path) {
            return !id.getServiceCode().startsWith("forbidden");
        }

        @Override
        public String getServiceAddress(ServiceId id) {
            return service + "/" + id.getServiceCode();
        }

        @Override
        public DescriptionType getDescriptionType(ServiceId id) {
            return id.getServiceCode().startsWith("soap") ? DescriptionType.WSDL : DescriptionType.REST;
        }

        @Override
        public IsAuthentication getIsAuthentication(ClientId id) {
            return IsAuthentication.NOSSL;
        }

        @Override
        public InternalSSLKey getSSLKey() {
            return internal;
        }

        @Override
        public MaintenanceMode getMaintenanceMode() {
            return new MaintenanceMode(false, null);
        }

        @Override
        public String getMemberStatus(ClientId id) {
            return Client.STATUS_REGISTERED;
        }
    }

    private static ClientId client(String id) {
        String[] codes = id.split("/");
        return ClientId.Conf.create(codes[0], codes[1], codes[2]);
    }
}
