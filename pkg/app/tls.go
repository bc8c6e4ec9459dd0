package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// authorities reads certificates to believe; nil, which is those of the system,
// where no file is named.
func authorities(key, path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, settingError(key, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, settingError(key, fmt.Errorf("%s holds no certificate in PEM", path))
	}
	return pool, nil
}

// clientCertificate reads the pair of files at each connection, so that a renewed
// certificate needs no restart.
func clientCertificate(key, cert, private string) (func(*tls.CertificateRequestInfo) (*tls.Certificate, error), error) {
	if cert == "" && private == "" {
		return nil, nil
	}
	if cert == "" || private == "" {
		return nil, settingError(key, errors.New("a certificate and its key are given together"))
	}
	read := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(cert, private)
		return &pair, err
	}
	if _, err := read(nil); err != nil {
		return nil, settingError(key, err)
	}
	return read, nil
}
