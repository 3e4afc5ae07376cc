//! The fixed sentences about a failure: values, until a status or a log states
//! them. None of them quotes a server.

use std::fmt;
use strum::IntoStaticStr;

macro_rules! sentences {
    ($(#[$about:meta])* $of:ident { $($name:ident: $says:literal;)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr)]
        pub enum $of {
            $(#[doc = $says] $name,)*
        }

        impl fmt::Display for $of {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $says,)* })
            }
        }
    };
}

sentences! {
    /// What this program itself knows of a request that failed.
    Note {
        NotSent: "the request was not sent";
        NotBuilt: "the request could not be built";
        NoAnswer: "no answer within the deadline";
        NoConnection: "no connection";
        NoConnectionInTime: "no connection within half the deadline";
        NoTrustedConnection: "no trusted connection";
        ConnectionLost: "the connection was lost before the answer";
        NotScalekit: "what answered is not Scalekit";
        TooSlow: "the answer came too slowly";
        TooLarge: "the answer is too large";
        Truncated: "the answer broke off";
        Redirect: "the answer is a redirect, which is never followed";
        UnknownStatus: "the answer has an unknown status";
        Foreign404: "the 404 is not one of Scalekit's";
        NestedTooDeeply: "the answer is nested too deeply";
        NotJson: "the answer is not the JSON it should be";
        NoAccessToken: "the answer has no access token";
        BadAccessToken: "the access token cannot be sent in a header";
        NoOrganization: "the answer has no organization";
        NoOrganizations: "the answer has no organizations";
        OtherOrganization: "the answer is about another organization";
        OtherExternalId: "the answer is about an organization with another external id";
        UnknownOrganizationId: "the answer has an organization id of unknown form";
        NoExternalId: "no organization carries this external id";
        SeveralExternalIds: "several organizations carry this external id";
        LongPageToken: "the answer has a page token of absurd length";
        RepeatedPageToken: "the list does not get on, its page token repeats";
        EndlessList: "the list of organizations does not end";
        NamelessFeature: "the answer has a feature without a name";
        NoPolicy: "the answer has no policy";
        NoApplicationPolicy: "the answer has no application policy";
        BadTimeout: "a timeout in the answer is not a number of minutes that can be";
        UnknownUnit: "a timeout in the answer has an unknown unit";
        BadIdleFlag: "the idle flag in the answer is neither true nor false";
    }
}

sentences! {
    /// How the operator itself failed at a reconcile.
    Crash {
        Panicked: "it panicked";
        Endless: "it did not come to an end";
    }
}
