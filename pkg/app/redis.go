package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Waits of a Redis client, where its URL names no others.
const (
	redisDialTimeout = 2 * time.Second
	redisTimeout     = 5 * time.Second
)

// redisForms is shown to whoever gives another URL. It never quotes that URL: it
// may hold a password.
const redisForms = "must be redis://host:6379/0, rediss://… (TLS), unix:///path, redis+cluster://host1,host2 or redis+sentinel://host1,host2/master-name/0; " +
	"what else a URL may hold is in deploy/reference.md, and : / ? # @ , in a password are written as %3A %2F %3F %23 %40 %2C"

var errRedisURL = errors.New(redisForms)

// dialRedis makes a client; it connects when it is used.
func dialRedis(cfg Config) (redis.UniversalClient, error) {
	form, err := parseRedisURL(cfg.RedisURL)
	if err != nil {
		return nil, settingError("redis.url", err)
	}
	switch form.kind {
	case redisCluster:
		return cfg.newCluster(form)
	case redisSentinel:
		return cfg.newFailover(form)
	}
	return cfg.newRedis(form)
}

func (c *Config) newRedis(form redisForm) (redis.UniversalClient, error) {
	o, err := redis.ParseURL(form.url)
	if err != nil {
		return nil, settingError("redis.url", errRedisURL)
	}
	err = c.fill(redisOptions{&o.TLSConfig, &o.Dialer, &o.CredentialsProviderContext, o.Username, o.Password,
		&o.MaxRetries, &o.ContextTimeoutEnabled, &o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout})
	if err != nil {
		return nil, err
	}
	return redis.NewClient(o), nil
}

// newCluster makes a client that follows the slots of a Redis Cluster. A command
// that met a node without its slot is sent to the right one, which is no repetition.
func (c *Config) newCluster(form redisForm) (redis.UniversalClient, error) {
	o, err := redis.ParseClusterURL(form.url)
	if err != nil {
		return nil, settingError("redis.url", errRedisURL)
	}
	o.TLSConfig = eachName(o.TLSConfig)
	err = c.fill(redisOptions{&o.TLSConfig, &o.Dialer, &o.CredentialsProviderContext, o.Username, o.Password,
		&o.MaxRetries, &o.ContextTimeoutEnabled, &o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout})
	if err != nil {
		return nil, err
	}
	return redis.NewClusterClient(o), nil
}

// newFailover makes a client that asks Sentinels where the master is.
func (c *Config) newFailover(form redisForm) (redis.UniversalClient, error) {
	o, err := redis.ParseFailoverURL(form.url)
	if err != nil {
		return nil, settingError("redis.url", errRedisURL)
	}
	o.TLSConfig = eachName(o.TLSConfig)
	err = c.fill(redisOptions{&o.TLSConfig, &o.Dialer, &o.CredentialsProviderContext, o.Username, o.Password,
		&o.MaxRetries, &o.ContextTimeoutEnabled, &o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout})
	if err != nil {
		return nil, err
	}
	return redis.NewFailoverClient(o), nil
}

// redisOptions are what the options of go-redis's three clients, which are three
// types, have in common.
type redisOptions struct {
	tls               **tls.Config
	dialer            *func(ctx context.Context, network, addr string) (net.Conn, error)
	credentials       *func(context.Context) (user, password string, err error)
	user, password    string
	maxRetries        *int
	heedsContext      *bool
	dial, read, write *time.Duration
}

// fill adds to what the URL says. Nothing is repeated by the client itself: the
// ledger decides what may be.
func (c *Config) fill(o redisOptions) (err error) {
	if *o.tls, err = c.redisTLS(*o.tls); err != nil {
		return err
	}
	if *o.credentials, err = c.redisCredentials(o.user, o.password); err != nil {
		return err
	}
	*o.maxRetries, *o.heedsContext = -1, true
	*o.dial = cmp.Or(*o.dial, redisDialTimeout)
	*o.read, *o.write = cmp.Or(*o.read, redisTimeout), cmp.Or(*o.write, redisTimeout)
	if c.RedisCA != "" {
		*o.dialer = redisDialer(*o.tls, c.RedisCA, *o.dial)
	}
	return nil
}

type redisKind int

const (
	redisSingle redisKind = iota
	redisCluster
	redisSentinel
)

// redisForm is a URL as go-redis takes it, and which of its clients that is for.
type redisForm struct {
	kind redisKind
	url  string
}

// parseRedisURL tells the forms apart. go-redis names all servers but the first
// in the query, and cannot tell by the URL what it is for.
func parseRedisURL(s string) (redisForm, error) {
	u, err := url.Parse(s)
	if err != nil {
		return redisForm{}, errRedisURL
	}
	if u.Scheme == "unix" && u.Path != "" {
		return redisForm{url: s}, nil
	}
	scheme, form, _ := strings.Cut(u.Scheme, "+")
	if (scheme != "redis" && scheme != "rediss") || u.Host == "" {
		return redisForm{}, errRedisURL
	}
	u.Scheme = scheme
	switch form {
	case "":
		if strings.Contains(u.Host, ",") {
			return redisForm{}, errRedisURL
		}
		return redisForm{url: s}, nil
	case "cluster":
		return clusterForm(u)
	case "sentinel":
		return sentinelForm(u)
	}
	return redisForm{}, errRedisURL
}

func clusterForm(u *url.URL) (redisForm, error) {
	if u.Path != "" && u.Path != "/" && u.Path != "/0" {
		return redisForm{}, errors.New("a Redis Cluster has no database but 0")
	}
	q := u.Query()
	spreadHosts(u, q, "6379")
	u.RawQuery = q.Encode()
	return redisForm{redisCluster, u.String()}, nil
}

// sentinelForm takes user and password for those of the Redis servers. The
// Sentinels have their own, in the query.
func sentinelForm(u *url.URL) (redisForm, error) {
	master, db, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if master == "" {
		return redisForm{}, errors.New("a URL of Sentinels names the master after the hosts: redis+sentinel://host1,host2/master-name/0")
	}
	q := u.Query()
	q.Set("master_name", master)
	if password, ok := u.User.Password(); ok {
		q.Set("password", password)
	}
	if name := u.User.Username(); name != "" {
		q.Set("username", name)
	}
	u.User = url.UserPassword(q.Get("sentinel_username"), q.Get("sentinel_password"))
	q.Del("sentinel_username")
	q.Del("sentinel_password")
	u.Path = "/" + db
	spreadHosts(u, q, "26379")
	u.RawQuery = q.Encode()
	return redisForm{redisSentinel, u.String()}, nil
}

// spreadHosts leaves the first of the hosts in the URL and puts the others into
// the query.
func spreadHosts(u *url.URL, q url.Values, defaultPort string) {
	for i, host := range strings.Split(u.Host, ",") {
		if _, _, err := net.SplitHostPort(host); err != nil {
			host += ":" + defaultPort
		}
		if i == 0 {
			u.Host = host
		} else {
			q.Add("addr", host)
		}
	}
}

// redisCredentials gives each new connection the password as it is then, so that
// a rotated one needs no restart; nil where the URL says all.
func (c *Config) redisCredentials(user, password string) (func(context.Context) (string, string, error), error) {
	if c.RedisPassword == nil {
		return nil, nil
	}
	if password != "" {
		return nil, settingError("redis.password", errors.New("redis.url holds a password too; choose one"))
	}
	return func(context.Context) (string, string, error) {
		password, err := c.RedisPassword.Value()
		return user, password, err
	}, nil
}

// eachName has each server prove its own name, not that of the first in the URL.
func eachName(conf *tls.Config) *tls.Config {
	if conf != nil {
		conf.ServerName = ""
	}
	return conf
}

// redisTLS adds the files to what the URL says; nil is a URL without TLS.
func (c *Config) redisTLS(conf *tls.Config) (*tls.Config, error) {
	if conf == nil {
		if cmp.Or(c.RedisCA, c.RedisCert, c.RedisKey, c.RedisTLSName) != "" {
			return nil, settingError("redis.url", errors.New("begins with no rediss, so redis.tls_… would have no effect"))
		}
		return nil, nil
	}
	conf.MinVersion = tls.VersionTLS12
	conf.ServerName = cmp.Or(c.RedisTLSName, conf.ServerName)
	var err error
	if conf.RootCAs, err = authorities("redis.tls_ca", c.RedisCA); err != nil {
		return nil, err
	}
	conf.GetClientCertificate, err = clientCertificate("redis.tls_cert", c.RedisCert, c.RedisKey)
	return conf, err
}

// redisDialer reads the authorities at each connection, as [clientCertificate] does the
// client's own, so that new ones need no restart.
func redisDialer(conf *tls.Config, ca string, timeout time.Duration) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conf := conf.Clone()
		var err error
		if conf.RootCAs, err = authorities("redis.tls_ca", ca); err != nil {
			return nil, err
		}
		d := tls.Dialer{NetDialer: &net.Dialer{Timeout: timeout}, Config: conf}
		return d.DialContext(ctx, network, addr)
	}
}

// pingRedis asks the server, or every master of a cluster.
func pingRedis(ctx context.Context, rdb redis.UniversalClient) error {
	ping := func(ctx context.Context, rdb *redis.Client) error { return rdb.Ping(ctx).Err() }
	if cluster, ok := rdb.(*redis.ClusterClient); ok {
		if err := cluster.ForEachMaster(ctx, ping); err != nil {
			return fmt.Errorf("a master of the cluster: %w", err)
		}
		return nil
	}
	return rdb.Ping(ctx).Err()
}

// QuietRedis keeps the Redis client from writing to standard error by itself,
// beside the log. It is for main: the setting is the whole process's.
func QuietRedis() { redis.SetLogger(quiet{}) }

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
